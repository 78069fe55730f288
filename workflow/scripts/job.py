"""The script of all rules: run the script that `params.script` names."""

from pathlib import Path

from pg import fork_server

fork_server.run_job(Path(snakemake.scriptdir, snakemake.params.script).resolve(), snakemake)
