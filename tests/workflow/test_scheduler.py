"""The workflow sets an attribute of Snakemake's scheduler that is not part of its documented interface."""

import inspect
import re
from pathlib import Path

from snakemake.scheduling.job_scheduler import JobScheduler

RULES = Path(__file__).parents[2] / "workflow/rules/processes.smk"


def test_the_scheduler_works_without_the_removed_limit() -> None:
    removed = re.findall(r"workflow\.scheduler\.(\w+) = None", RULES.read_text(encoding="utf-8"))
    assert removed == ["job_rate_limiter"]
    assert f"self.{removed[0]} is None" in inspect.getsource(JobScheduler.job_selector)
