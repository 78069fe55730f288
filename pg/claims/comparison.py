"""What a part of a claim compares: the quantity in words, and its statistic."""

from __future__ import annotations

from collections.abc import Mapping

from pg.claims.record import ClaimPart
from pg.claims.selection import Side, in_words
from pg.experiments.metrics import METRICS, null_value
from pg.plotting.labels import signed


def statistic(part: ClaimPart) -> str:
    """Name what a part's interval is of, as `pg.statistics.coverage` does."""
    metric, paired = METRICS[part.metric], part.b is not None
    if part.share_of is not None or part.ratio_of_means:
        return "ratio of means"
    if metric.statistic == "share":
        return "paired share" if paired else "share"
    if metric.scale == "ratio":
        return "paired ratio" if paired else "geometric_mean"
    if metric.statistic == "median":
        return "median"
    return "paired difference" if paired else metric.statistic


def against_null(part: ClaimPart, sides: Mapping[str, Side], where: Mapping[str, str]) -> str:
    """Say what was compared with what, and in which case."""
    sign = {"less": "<", "greater": ">", "equal": "="}[part.relation]
    margin = f" ± {part.margin:g} (90 % interval)" if part.relation == "equal" else ""
    place = f" in {in_words(where)}" if in_words(where) else ""
    return f"{quantity(part, sides, where)} {sign} {signed(null_value(part))}{margin}{place}"


def quantity(part: ClaimPart, sides: Mapping[str, Side], where: Mapping[str, str]) -> str:
    """Name the quantity that a part's effect is a value of."""
    called = {name: side.called(where.get("environment", "")) for name, side in sides.items()}
    if part.share_of is not None:
        return f"share of the change from {called['zero']} to {called['one']} reached by {called['a']}"
    if part.b is None:
        return called["a"]
    if part.ratio_of_means:
        return f"mean of {called['a']} / mean of {called['b']}"
    ratio = METRICS[part.metric].scale == "ratio" and part.relation != "exact"
    return f"{called['a']} {'/' if ratio else '−'} {called['b']}"


def shift(part: ClaimPart) -> str:
    """Write what an exact part takes from its quantity."""
    if not part.reference:
        return ""
    return f" {'−' if part.reference > 0 else '+'} {abs(part.reference):g}"
