"""From declared claims to computed verdicts.

A part of a claim is judged in every case it names: each environment, and in each of those each stage. Rows of the two
sides are paired by environment, stage and seed, so what is tested is a sample of differences (or ratios), one per seed.
`pg.claims.selection` says which rows these are, and which candidate stands for a family.

| relation | p in favour | p against | reported p | interval |
|---|---|---|---|---|
| less, greater | one-sided, declared direction | one-sided, the opposite | twice the smaller | 95 % |
| equal | both one-sided tests against the margin's ends (TOST) | beyond one of the ends | the smaller | 90 % |
| exact | none: every case within the tolerance | | | |

The part holds if it holds in all cases, so in favour counts the largest p (intersection-union test, Berger 1982), and
against it the smallest times the number of cases (Bonferroni). It is supported where the reported p is below 0.05 and
stems from the first, refuted where it stems from the second, and else inconclusive. Effect and interval are those of
the case with the largest p in favour, which `comparison` names.

| metric | against b | against a reference |
|---|---|---|
| a share (0 or 1 per run) | exact McNemar, Tango's interval | exact binomial, Clopper-Pearson |
| on a ratio scale | t on the logarithm of a / b, null 1 | t on the logarithm |
| a median (steps to two passed evaluations) | sign test on a - b, null 0, order statistics | the same on a |
| any other, steps to threshold among them | t on a - b, null 0 | t |
| with `ratio_of_means` | t on a - r b, null r = 1, Fieller | |
| a share of an achievable change (`share_of`) | | t on u - r w, Fieller |

With `share_of`, u = 1 - V(a)/V(zero) and w = 1 - V(one)/V(zero) per snapshot; the effect is the ratio of their means.

With `ratio_of_means` the effect is E[a] / E[b]. Of steps to threshold these are means restricted to the budget, which
exist however many runs are censored; a ratio per seed would compare budget with budget wherever both are.

`coverage` says how often such an interval of 95 % holds the truth, on the data on which that is not 93 to 97 % of the
time; it is empty where the interval does what it promises (see `pg.statistics.coverage`).

A run that diverged has a value in every metric (see `pg.experiments.train.curves`). A run without a value counts as a
failure where the metric is a share. In every other metric a value that is not finite leaves the part inconclusive, and
`comparison` says so.

Sources: Berger (1982), "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 295-300; Royston
and Parmar (2013), "Restricted mean survival time", BMC Med. Res. Methodol. 13, 152.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from pg.claims import comparison
from pg.claims.record import Claim, ClaimPart
from pg.claims.selection import PAIRED_BY, Side, by_case, in_words, joined, pairs, rows_of, selected, sides_of
from pg.experiments.metrics import METRICS, Metric, null_value
from pg.statistics import coverage, decisions, shares
from pg.statistics import estimates as statistics
from pg.statistics.intervals import LEVEL, Array, Interval, Test

COLUMNS = (
    "claim",
    "part",
    "primary",
    "statement",
    "section",
    "metric",
    "comparison",
    "effect",
    "ci_low",
    "ci_high",
    "coverage",
    "p_value",
    "p_adjusted",
    "verdict",
    "n",
    "figure",
)
ALPHA = 0.05


def evaluate(
    key: str, claim: Claim, tables: Mapping[str, pd.DataFrame], tuned: Mapping[str, pd.DataFrame] = MappingProxyType({})
) -> pd.DataFrame:
    """Judge every part of one claim.

    Parameters
    ----------
    key
        Name of the claim.
    tables
        Long tables by experiment.
    tuned
        Standings of tuned cells by experiment, where a part chooses the best of a family.

    Returns
    -------
    DataFrame
        A row per part with the columns of `claims.csv`. The adjusted p is that of a family of one: the primary's own.

    Raises
    ------
    ValueError
        If a part's rows are missing, ambiguous or without a partner; the message names the part and the rows.
    """
    rows = [
        _row(key, name, claim, joined(part, tables), joined(part, tuned) if _is_ranked(part, tuned) else None)
        for name, part in claim.parts.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _is_ranked(part: ClaimPart, tuned: Mapping[str, pd.DataFrame]) -> bool:
    return all(experiment in tuned for experiment in part.experiments.values())


def adjust(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join evaluated claims and adjust their primaries for multiple testing by Holm's method.

    Primaries without a p-value stay outside. A verdict that the adjusted p no longer carries becomes inconclusive;
    the other parts keep the verdict of their own p.
    """
    evaluated = list(frames)
    if not evaluated:
        return pd.DataFrame(columns=list(COLUMNS))
    claims = pd.concat(evaluated, ignore_index=True)
    tested = claims["primary"] & claims["p_value"].notna()
    adjusted = decisions.holm(claims.loc[tested, "p_value"].to_numpy(dtype=np.float64))
    claims["p_adjusted"] = pd.Series(adjusted, index=claims.index[tested]).reindex(claims.index)
    claims.loc[claims["p_adjusted"] >= ALPHA, "verdict"] = "inconclusive"
    return claims


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a part came to, as the columns of that name say."""

    comparison: str
    effect: float
    ci_low: float
    ci_high: float
    p_value: float
    verdict: str
    n: int
    coverage: str = ""


def _row(key: str, name: str, claim: Claim, table: pd.DataFrame, tuned: pd.DataFrame | None) -> dict[str, Any]:
    part = claim.parts[name]
    try:
        rows = rows_of(part, table)
        sides = sides_of(part, rows, tuned)
        outcome = _judge_exact(part, sides, rows) if part.relation == "exact" else _judge(part, sides, rows)
    except ValueError as error:
        raise ValueError(f"claims.{key}.parts.{name}: {error}") from error
    primary = name == claim.primary
    return {
        "claim": key,
        "part": name,
        "primary": primary,
        "statement": claim.statement,
        "section": claim.section,
        "metric": part.metric,
        "figure": claim.figure,
        **asdict(outcome),
        "p_adjusted": outcome.p_value if primary else np.nan,
    }


# Statistical relations -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """A part in one environment and stage: the p-values of what speaks for it and of what speaks against it."""

    where: Mapping[str, str]
    result: Interval
    p_for: float
    p_against: float


def _judge(part: ClaimPart, sides: Mapping[str, Side], rows: pd.DataFrame) -> _Outcome:
    cases = [_case(part, where, case) for where, case in by_case(pairs(sides, rows))]
    undefined = [case for case in cases if not case.result.defined]
    binding = undefined[0] if undefined else max(cases, key=lambda case: (case.p_for, -case.p_against))
    p, verdict = (np.nan, "inconclusive") if undefined else _decide(part, cases)
    result, compared = binding.result, _comparison(part, sides, binding, len(cases))
    covered = coverage.shortfall(comparison.statistic(part), result)
    return _Outcome(compared, result.estimate, result.low, result.high, p, verdict, result.n, covered)


def _decide(part: ClaimPart, cases: list[_Case]) -> tuple[float, str]:
    p_for = max(case.p_for for case in cases)
    p_against = min(1.0, len(cases) * min(case.p_against for case in cases))
    # Directions are tested two-sided; the two null hypotheses of an equality cannot both be true.
    sides = 1 if part.relation == "equal" else 2
    p = min(1.0, sides * min(p_for, p_against))
    if p >= ALPHA:
        return p, "inconclusive"
    return p, "supported" if p_for < p_against else "refuted"


def _case(part: ClaimPart, where: Mapping[str, str], pairs: pd.DataFrame) -> _Case:
    null = null_value(part)
    if part.relation == "equal" and part.margin is not None:
        level = 1 - 2 * ALPHA
        p_for, p_against = decisions.equivalence(lambda at: _test(part, pairs, at, level), null, part.margin)
        return _Case(where, _test(part, pairs, null, level), p_for, p_against)
    test = _test(part, pairs, null, LEVEL)
    if part.relation == "less":
        return _Case(where, test, test.p_less, test.p_greater)
    return _Case(where, test, test.p_greater, test.p_less)


def _test(part: ClaimPart, pairs: pd.DataFrame, null: float, level: float) -> Test:
    metric = METRICS[part.metric]
    a = pairs["a"].to_numpy(dtype=np.float64)
    b = pairs["b"].to_numpy(dtype=np.float64) if part.b is not None else None
    if part.share_of is not None:
        return statistics.ratio_of_means_test(*_share_of(pairs), null, level)
    if part.ratio_of_means and b is not None:
        return statistics.ratio_of_means_test(a, b, null, level)
    if metric.statistic == "share":
        a = _failures_counted(metric, a)
        if b is None:
            return shares.share_test(a, null, level)
        return shares.paired_share_test(a, _failures_counted(metric, b), null, level)
    with np.errstate(all="ignore"):
        if metric.scale == "ratio":
            # A quotient of two negative numbers would pass for a ratio.
            ratio = a if b is None else np.where((a > 0) & (b > 0), a / b, np.nan)
            return statistics.geometric_mean_test(ratio, null, level)
        one_sample = statistics.median_test if metric.statistic == "median" else statistics.mean_test
        return one_sample(a if b is None else a - b, null, level)


def _share_of(pairs: pd.DataFrame) -> tuple[Array, Array]:
    """Both changes relative to the value at zero, so that no snapshot outweighs the others by its scale."""
    a, zero, one = (pairs[side].to_numpy(dtype=np.float64) for side in ("a", "zero", "one"))
    with np.errstate(all="ignore"):
        return 1 - a / zero, 1 - one / zero


def _failures_counted(metric: Metric, values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan if metric.failure is None else metric.failure)


def _comparison(part: ClaimPart, sides: Mapping[str, Side], binding: _Case, cases: int) -> str:
    which = f", the least favourable of {cases}" if cases > 1 else ""
    return f"{comparison.against_null(part, sides, binding.where)}{which}; {binding.result.method}"


# Exact relations -----------------------------------------------------------------------------------------------------


def _judge_exact(part: ClaimPart, sides: Mapping[str, Side], rows: pd.DataFrame) -> _Outcome:
    """Compare every case with the tolerance; a value that is not finite is outside of it."""
    if part.b is None and part.share_of is None:
        # Nothing is paired: a may stand for several batch sizes or variants at once.
        cases = selected(sides["a"], rows).rename(columns={"value": "a"})
    else:
        cases = pairs(sides, rows).reset_index()
    target = part.reference if part.reference is not None else cases["b"].to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        value = cases["a"].to_numpy(dtype=np.float64) if part.share_of is None else np.divide(*_share_of(cases))
        deviation = np.abs(value - target)
    margin = part.margin or 0.0
    worst = int(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)))
    where = {column: cases[column].iloc[worst] for column in PAIRED_BY if column in cases}
    said = comparison.quantity(part, sides, where)
    judged = f"|{said}{comparison.shift(part)}| ≤ {margin:g} in all of {len(cases)} cases; largest in {in_words(where)}"
    verdict = "supported" if bool((deviation <= margin).all()) else "refuted"
    return _Outcome(judged, float(deviation[worst]), np.nan, np.nan, np.nan, verdict, len(cases))
