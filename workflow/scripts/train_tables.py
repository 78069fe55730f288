from functools import partial

from pg.experiments.metrics import metrics_of
from pg.experiments.summaries import summarise
from pg.experiments.train import tables as train_tables
from pg.experiments.train.files import read_runs
from pg.learning.columns import EVALUATION_COLUMNS
from pg.runs.tables import read_csv, read_grouped, write_csv
from pg.study.expansion import cells
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    ((name, experiment),) = study.experiments.items()
    train_cells, budget = cells(study, name), experiment.budget.steps
    runs = read_runs(snakemake.input.runs, train_cells, experiment.budget)
    evaluation_rows = partial(read_csv, columns=EVALUATION_COLUMNS)
    evaluations = read_grouped(snakemake.input.evaluations, train_cells, evaluation_rows)
    selections = 1 if experiment.tuning is None else experiment.tuning.selections
    table = train_tables.train_table(runs, evaluations, budget, experiment.level, experiment.metrics, selections)
    write_csv(train_tables.diverged_runs(runs), snakemake.output.diverged)
    curves = train_tables.train_curves(runs, budget, selections)
    write_csv(curves, snakemake.output.curves)
    write_csv(train_tables.mean_curves(curves), snakemake.output.means)
    write_csv(summarise(table, metrics_of(experiment)), snakemake.output.summary)
    write_csv(table, snakemake.output.long)
