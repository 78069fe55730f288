import sys
from pathlib import Path

from pg.report import benchmarks
from pg.runs import logs, records

logs.log_to(snakemake.log[0])
plan = benchmarks.read_plan(snakemake.input.plan)
peers = str(Path(snakemake.input.peers, "bin/python"))
round = list(benchmarks.runs(plan, snakemake.params.programs, sys.executable, peers))
records.write_csv(benchmarks.compare(round, plan.repetitions), snakemake.output[0])
