from functools import partial

from pg.evidence import across_tables, records
from pg.randomness import generator
from pg.study.expansion import blocks
from pg.study.model import Study
from pg.study.pooling import pooled_cells

study = Study.model_validate_json(snakemake.params.study)
pool = tuple(snakemake.wildcards.pool.split("+"))
files = iter(snakemake.input)
runs = {}
for cell in pooled_cells(study, pool):
    paths = [next(files) for _ in blocks(study.experiments[cell.experiment].seeds)]
    runs |= records.read_grouped(paths, [cell], records.RUN_COLUMNS)
budgets = {name: experiment.budget.steps for name, experiment in study.experiments.items()}
streams = partial(generator, 0, "across", snakemake.wildcards.pool)
records.write_csv(across_tables.across_table(runs, budgets, streams), snakemake.output[0])
