"""Mean scores of learning rates, and whether all rates tie."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

_ROUNDING = 1e-12


def mean_score(scores: Iterable[float | None]) -> float:
    """Return the mean score over tuning seeds; minus infinity if a run diverged."""
    return statistics.fmean(-math.inf if score is None else score for score in scores)


def all_tie(scores: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether several learning rates have the same mean score, up to rounding, so that none is better."""
    by_rate: dict[float, list[float | None]] = {}
    for one in scores:
        by_rate.setdefault(one["learning_rate"], []).append(one["score"])
    first, *others = map(mean_score, by_rate.values())
    return bool(others) and all(math.isclose(first, other, rel_tol=_ROUNDING) for other in others)
