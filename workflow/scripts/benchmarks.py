import sys
from pathlib import Path

from pg.evidence import benchmarks, logs, records

logs.log_to(snakemake.log[0])
programs = Path(snakemake.params.programs)
ours = [sys.executable, str(programs / "pg_training.py")]
theirs = [str(Path(snakemake.input.peers, "bin/python")), str(programs / "tianshou_reinforce.py")]
training = {("tianshou", 1): [*theirs, "60000"], ("pg", 1): [*ours, "1", "200000"], ("pg", 10): [*ours, "10", "300000"]}
passes = [sys.executable, str(programs / "backward_passes.py")]
gradient = {("explicit", 1): [*passes, "explicit"], ("surrogate", 1): [*passes, "surrogate"]}
tables = benchmarks.compare_all({"training": training, "gradient": gradient}, snakemake.params.repetitions)
records.write_csv(tables, snakemake.output[0])
