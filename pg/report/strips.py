"""A strip per finding: the effect and its interval on an axis, and where the claim holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pg.claims.relations.relation import Tested, Tolerance
from pg.plotting.text import percent, short
from pg.report.sentences import Result, declared, is_part

_ROOM = 0.15  # beside the outermost mark, over the distance between the outermost marks
_GRID = 401


@dataclass(frozen=True, slots=True)
class Strip:
    """Places along a strip, in per cent of its width.

    Attributes
    ----------
    effect, interval
        The effect and the ends of its interval, if it has one.
    label
        The effect in words.
    tested
        The values that the effect is compared with, and each in words.
    claimed
        Where an effect is as claimed: from and to.
    """

    effect: float
    interval: tuple[float, float] | None
    label: str
    tested: tuple[tuple[float, str], ...]
    claimed: tuple[tuple[float, float], ...]


def strip_of(result: Result) -> Strip | None:
    """Lay a finding out on a strip, with a logarithmic axis for ratios; None if its effect is undefined."""
    if not math.isfinite(result.effect):
        return None
    target, relation = result.compared.target, result.part.decision
    tested = relation.tested_values(target) if isinstance(relation, Tested) else (target.value,)
    effect = result.effect + (target.value if result.part.is_tolerance else 0.0)
    ends = (result.low, result.high) if result.has_interval else ()
    margins = (target.value - target.margin, target.value + target.margin)
    scale = np.log if result.is_ratio and min(effect, *ends, *tested) > 0 else np.asarray
    marks = scale(np.array([effect, *ends, *tested, *(margins if scale is np.asarray else ())]))
    room = _ROOM * (np.ptp(marks) or abs(marks[0]) or 1.0)
    first, last = marks.min() - room, marks.max() + room

    def place(value: float) -> float:
        return round(float(100 * (scale(value) - first) / (last - first)), 2)

    grid = np.linspace(first, last, _GRID)
    holds = _holds(result, np.exp(grid) if scale is np.log else grid)
    changes = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(int)))
    edges = np.round(100 * np.minimum(changes, _GRID - 1) / (_GRID - 1), 2).tolist()
    return Strip(
        effect=place(effect),
        interval=(place(ends[0]), place(ends[1])) if ends else None,
        label=_written(result, effect),
        tested=tuple((place(value), _named(result, value)) for value in tested),
        claimed=tuple(zip(edges[::2], edges[1::2], strict=True)),
    )


def _holds(result: Result, effects: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which effects, if they were known exactly, would be as claimed."""
    target, relation = result.compared.target, result.part.decision
    match relation:
        case Tested():
            return np.array([relation.agrees(effect, target) for effect in effects.tolist()])
        case Tolerance():
            return np.array([relation.holds(abs(effects[[at]] - target.value), target) for at in range(len(effects))])
        case _:
            raise TypeError(f"{relation.name} is neither tested nor a tolerance")


def _written(result: Result, effect: float) -> str:
    if result.part.is_tolerance and result.verdict == "supported":
        return "exact"
    if result.is_ratio:
        return f"{short(effect)} ×"
    sign = "+" if result.part.is_relative and effect > 0 else ""
    if result.part.share_of is None and result.part.is_relative and is_part(result.metric):
        return f"{sign}{short(100 * effect)} points"
    if result.part.share_of is not None or is_part(result.metric):
        return percent(effect)
    return f"{sign}{short(effect)}"


def _named(result: Result, value: float) -> str:
    """Name a tested value; what is equal to b has no number."""
    if result.part.is_relative and value == result.compared.target.value:
        return "equal" if result.part.published is None else "published"
    return percent(value) if result.part.share_of is not None else declared(result.metric, value)
