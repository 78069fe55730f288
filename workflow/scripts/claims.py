from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from pg.claims import judge as claims
from pg.runs import logs, records

logs.log_to(snakemake.log[0])
evaluated = [records.read_csv(path, claims.COLUMNS) for path in snakemake.input]
records.write_csv(claims.adjust(evaluated), snakemake.output[0])
