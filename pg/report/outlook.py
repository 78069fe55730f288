"""Estimate how many seeds would decide an inconclusive claim, if its effect is as measured."""

from __future__ import annotations

import math

from pg.claims.comparisons import comparison_of
from pg.claims.record import ClaimPart
from pg.claims.relations.relation import Tested
from pg.experiments.metric import Metric
from pg.plotting.text import span
from pg.statistics.decisions import MOST, effect_size, seeds_needed

_WANTED = 0.8  # probability of a decision, by custom


def outlook(part: ClaimPart, metric: Metric, effect: float, low: float, high: float, n: int, undecided: int) -> str:
    """Return a sentence on the number of seeds that would decide a part of a claim.

    The effect size is the distance between the effect and the null value (for an equality: the nearer end of the
    margin) over the standard deviation between seeds, computed from the interval. Ratios are compared as logarithms.
    For intervals other than Student's t this is an approximation.

    Parameters
    ----------
    part, metric
        The declarations of the part and of its metric.
    effect, low, high, n
        As measured.
    undecided
        Number of undecided claims in Holm's method; 1 for a part whose p-value is not adjusted.
    """
    relation = part.decision
    if not isinstance(relation, Tested) or math.isnan(effect):
        return ""
    if not math.isfinite(low + high):
        return f"n = {n:,} gives no bounds; run more seeds."
    if low == high:
        return "The interval has width 0; more seeds would not change it."
    comparison = comparison_of(part, metric)
    scale = math.log if comparison.logarithmic else float
    level = relation.level
    reach = (scale(high) - scale(low)) / 2
    distance = min(abs(scale(effect) - scale(value)) for value in relation.tested_values(comparison.target))
    needed = None
    if reach > 0 and distance > 0:
        size = effect_size(distance, distance + reach, n, level)
        needed = seeds_needed(size, undecided, 1 - level, _WANTED)
    if needed is None:
        return f"If the effect is as measured, no n up to {MOST:,} decides it; {span(low, high)} remains possible."
    return (
        f"If the effect is as measured, n = {max(needed, n + 1):,} instead of {n:,} decides it in "
        f"{_WANTED:.0%} of studies.".replace("%", " %")
    )
