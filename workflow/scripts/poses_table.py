from pg import fork_server

if fork_server.is_running():
    fork_server.run_script()

from functools import partial

from pg.experiments import tables as laboratory_tables
from pg.experiments.columns import POSE_COLUMNS
from pg.runs import logs, tables
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import places_of

logs.log_to(snakemake.log[0])
study = Study.model_validate_json(snakemake.params.study)
((name, _),) = study.experiments.items()
rows = tables.read_grouped(snakemake.input, places_of(study, name), partial(tables.read_csv, columns=POSE_COLUMNS))
tables.write_csv(laboratory_tables.poses_table(cells(study, name), rows), snakemake.output[0])
