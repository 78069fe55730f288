from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from functools import partial

from pg.experiments.tables import further_table
from pg.runs import logs
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import places_of

logs.log_to(snakemake.log[0])
study = Study.model_validate_json(snakemake.params.study)
((name, experiment),) = study.experiments.items()
columns = experiment.more_tables[snakemake.wildcards.table]
read = partial(read_csv, columns=("seed", "variant", *columns))
rows = read_grouped(snakemake.input, places_of(study, name), read)
write_csv(further_table(cells(study, name), columns, rows), snakemake.output[0])
