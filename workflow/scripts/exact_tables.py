from pg.evidence import records, tables
from pg.study.expansion import cells
from pg.study.model import Study

study = Study.model_validate_json(snakemake.params.study)
(name,) = study.experiments
environments = list(dict.fromkeys(cell.environment_id for cell in cells(study, name)))
table = tables.exact_table(
    cells(study, name), records.read_grouped(snakemake.input, environments, records.EXACT_COLUMNS)
)
records.write_csv(tables.summary(table), snakemake.output.summary)
records.write_csv(table, snakemake.output.long)
