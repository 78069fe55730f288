from functools import partial

from pg.evidence import across_tables, logs, records
from pg.randomness import generator
from pg.study.expansion import cells
from pg.study.model import Study

logs.log_to(snakemake.log[0])
study = Study.model_validate_json(snakemake.params.study)
((name, experiment),) = study.experiments.items()
runs = records.read_runs(snakemake.input, cells(study, name), experiment.budget)
table = across_tables.across_table(runs, experiment.budget.steps, partial(generator, 0, "across", name))
records.write_csv(table, snakemake.output[0])
