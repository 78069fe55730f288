from functools import partial

from pg.core.randomness import generator
from pg.experiments.train import across_tables
from pg.experiments.train.files import read_runs
from pg.runs import tables
from pg.study.pooling import pooled_cells
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    pool = tuple(snakemake.wildcards.pool.split("+"))
    files = iter(snakemake.input)
    runs = {}
    for cell in pooled_cells(study, pool):
        experiment = study.experiments[cell.experiment]
        runs |= read_runs([next(files) for _ in experiment.seeds.blocks], [cell], experiment.budget)
    budgets = {name: experiment.budget.steps for name, experiment in study.experiments.items()}
    streams = partial(generator, 0, "across", snakemake.wildcards.pool)
    tables.write_csv(across_tables.across_table(runs, budgets, streams), snakemake.output[0])
