"""What the Snakefile asks of Snakemake's scheduler, which Snakemake does not promise to keep."""

import inspect
import re
from pathlib import Path

from snakemake.scheduling.job_scheduler import JobScheduler

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


def test_the_limit_that_is_taken_away_is_one_that_the_scheduler_does_without() -> None:
    taken_away = re.findall(r"workflow\.scheduler\.(\w+) = None", SNAKEFILE.read_text(encoding="utf-8"))
    assert taken_away == ["job_rate_limiter"]
    # Of an attribute by another name the Snakefile would set what nobody reads.
    assert f"self.{taken_away[0]} is None" in inspect.getsource(JobScheduler.job_selector)
