from functools import partial

from pg.core.randomness import generator
from pg.experiments.train import across_tables
from pg.runs import tables
from pg.study.expansion import cells
from pg.study.pooling import pooled_cells
from pg.study.record import Study


def run(snakemake):
    study = Study.model_validate_json(snakemake.params.record)
    pool = tuple(snakemake.wildcards.pool.split("+"))
    measured = {}
    for name, path in zip(pool, snakemake.input, strict=True):
        measured |= across_tables.metrics_of_cells(tables.read_csv(path), cells(study, name))
    pooled = {cell: measured[cell] for cell in pooled_cells(study, pool)}
    thresholds = {cell: study.experiments[cell.experiment].level("threshold", cell.environment) for cell in pooled}
    streams = partial(generator, 0, "across", snakemake.wildcards.pool)
    tables.write_csv(across_tables.across_table(pooled, thresholds.get, streams), snakemake.output[0])
