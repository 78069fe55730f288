"""The script of all rules: run the script that `params.script` names."""

from pg import fork_server
from pg.core.home import HOME

fork_server.run_job(HOME / "workflow/scripts" / snakemake.params.script, snakemake)
