from pg.experiments.train.choice import read_choices
from pg.experiments.train.tables import tuned_table
from pg.runs.tables import write_csv
from pg.study.expansion import cells
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    (name,) = study.experiments
    tuned = [cell for cell in cells(study, name) if cell.variant.is_tuned]
    write_csv(tuned_table(zip(tuned, map(read_choices, snakemake.input), strict=True)), snakemake.output[0])
