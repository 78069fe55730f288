import sys
from pathlib import Path

from pg.evidence import benchmarks, records

records.log_to(snakemake.log[0])
programs = Path(snakemake.params.programs)
ours = [sys.executable, str(programs / "pg_training.py")]
theirs = [str(Path(snakemake.input.peers, "bin/python")), str(programs / "tianshou_reinforce.py")]
systems = {
    ("tianshou", 1): [*theirs, "60000"],
    ("pg", 1): [*ours, "1", "200000"],
    ("pg", 10): [*ours, "10", "300000"],
}
records.write_csv(benchmarks.compare(systems, snakemake.params.repetitions), snakemake.output[0])
