from pg.evidence import records, tables
from pg.study.expansion import cells
from pg.study.model import Study

study = Study.model_validate_json(snakemake.params.study)
((name, experiment),) = study.experiments.items()
runs = records.read_grouped(snakemake.input, cells(study, name), records.RUN_COLUMNS)
table = tables.train_table(runs, experiment.budget.steps)
records.write_csv(tables.train_curves(runs, experiment.budget.steps), snakemake.output.curves)
records.write_csv(tables.summary(table), snakemake.output.summary)
records.write_csv(table, snakemake.output.long)
