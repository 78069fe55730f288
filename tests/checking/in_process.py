"""Check a file in the process of the tests, which takes a fifth of the time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pg.checking.check import SIZES, Here, examine
from pg.checking.demands import Demand
from pg.checking.findings import Findings
from pg.checking.submissions import Arrays, load


class Untimed(Here):
    """A submission in this process: no test depends on time."""

    def seconds(self, _arrays: Arrays, _discount: float, /) -> float:
        """Return nothing."""
        return float("nan")


def check_here(
    path: Path,
    name: str | None = None,
    *,
    seed: int = 0,
    demand: Demand | None = None,
    sizes: Sequence[int] = SIZES,
    **options: Any,
) -> Findings:
    """Check a file; a Fault is raised where it fails. Batches of two trajectories alone take a fifth of the time."""
    here = Untimed(load(path, name, options), path)
    return examine(here, here.loaded, path.name, seed, demand, sizes, is_thorough=sizes == SIZES)
