"""The script of all rules: run the script that `params.script` names."""

import sys
from pathlib import Path

# In an environment of its own (--software-deployment-method), a job finds `pg` next to the workflow.
sys.path.append(str(Path(snakemake.scriptdir).parents[1]))

from pg import fork_server
from pg.core.home import HOME

fork_server.run_job(HOME / "workflow/scripts" / snakemake.params.script, snakemake)
