from pathlib import Path

from pg.plotting import saving
from pg.report import benchmarks, speed
from pg.runs import logs, records

logs.log_to(snakemake.log[0])
table = records.read_csv(snakemake.input.table, benchmarks.COLUMNS)
budgets = benchmarks.read_plan(snakemake.input.plan).budgets("pg_training")
picture = speed.draw(table, budgets)
for path in (snakemake.output.pdf, snakemake.output.png):
    saving.save(picture, Path(path))
records.write_text(speed.caption(table, budgets) + "\n", snakemake.output.caption)
