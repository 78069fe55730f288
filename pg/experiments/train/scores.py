"""What the scores of learning rates come to: the means that tuning compares, and whether they differ at all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

_ROUNDING = 1e-12


def mean_score(scores: Iterable[float | None]) -> float:
    """Average scores over tuning seeds; below every number where one of the runs diverged."""
    return statistics.fmean(-math.inf if score is None else score for score in scores)


def all_tie(scores: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether several learning rates have one mean score but for rounding, so that none of them is the better.

    Parameters
    ----------
    scores
        `learning_rate`, `seed` and `score` of every tuning run.
    """
    by_rate: dict[float, list[float | None]] = {}
    for one in scores:
        by_rate.setdefault(one["learning_rate"], []).append(one["score"])
    first, *others = map(mean_score, by_rate.values())
    return bool(others) and all(math.isclose(first, other, rel_tol=_ROUNDING) for other in others)
