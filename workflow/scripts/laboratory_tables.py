from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from functools import partial

from pg.experiments import tables as laboratory_tables
from pg.experiments.columns import LABORATORY_COLUMNS
from pg.experiments.summaries import summarise
from pg.runs import logs
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import places_of

logs.log_to(snakemake.log[0])
study = Study.model_validate_json(snakemake.params.study)
((name, experiment),) = study.experiments.items()
columns = LABORATORY_COLUMNS[experiment.kind]
rows = read_grouped(snakemake.input, places_of(study, name), partial(read_csv, columns=columns))
table = laboratory_tables.laboratory_table(cells(study, name), experiment.kind, rows)
write_csv(summarise(table), snakemake.output.summary)
write_csv(table, snakemake.output.long)
