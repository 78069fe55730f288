from functools import partial

from pg.experiments.train.files import read_runs
from pg.experiments.train.tables import training_tables
from pg.learning.columns import EVALUATION_COLUMNS
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    ((name, experiment),) = study.experiments.items()
    train_cells = cells(study, name)
    runs = read_runs(snakemake.input.runs, train_cells, experiment.budget)
    evaluation_rows = partial(read_csv, columns=EVALUATION_COLUMNS)
    evaluations = read_grouped(snakemake.input.evaluations, train_cells, evaluation_rows)
    for table, rows in training_tables(runs, evaluations, experiment).items():
        write_csv(rows, snakemake.output[table])
