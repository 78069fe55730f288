from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from pg.claims import judge as claims
from pg.runs import logs, tables

logs.log_to(snakemake.log[0])
evaluated = [tables.read_csv(path, claims.COLUMNS) for path in snakemake.input]
tables.write_csv(claims.adjust(evaluated), snakemake.output[0])
