from functools import partial

from pg.experiments.metrics import metrics_of
from pg.experiments.summaries import summarise
from pg.experiments.tables import measurement_table
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import places_of


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    ((name, experiment),) = study.experiments.items()
    rows = read_grouped(snakemake.input, places_of(study, name), partial(read_csv, columns=experiment.columns()))
    table = measurement_table(cells(study, name), type(experiment), rows, snakemake.params.selections)
    write_csv(summarise(table, metrics_of(experiment)), snakemake.output.summary)
    write_csv(table, snakemake.output.long)
