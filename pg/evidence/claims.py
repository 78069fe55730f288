"""From declared claims to computed verdicts.

A part of a claim is judged in every case it names: each environment, and in each of those each stage. Rows of the two
sides are paired by environment, stage and seed, so what is tested is a sample of differences (or ratios), one per seed.

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
| a share of an achievable change (`share_of`) | | t on u - r w, Fieller |

With `share_of`, u = 1 - V(a)/V(zero) and w = 1 - V(one)/V(zero) per snapshot; the effect is the ratio of their means.

A run that diverged counts as a failure where the metric is a share; in every other metric a value that is not finite
leaves the part inconclusive, and `comparison` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pg.evidence import statistics
from pg.evidence.metrics import METRICS, Metric
from pg.evidence.tables import level_value
from pg.study.model import Claim, ClaimPart, Selection

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
    "p_value",
    "p_adjusted",
    "verdict",
    "n",
    "figure",
)
ALPHA = 0.05

_PAIRED_BY = ("environment", "stage", "seed")


def evaluate(key: str, claim: Claim, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Judge every part of one claim.

    Parameters
    ----------
    key
        Name of the claim.
    tables
        Long tables by experiment.

    Returns
    -------
    DataFrame
        A row per part with the columns of `claims.csv`. The adjusted p is that of a family of one: the primary's own.

    Raises
    ------
    ValueError
        If a part's rows are missing, ambiguous or without a partner; the message names the part and the rows.
    """
    rows = [_row(key, name, claim, part, tables[part.experiment]) for name, part in claim.parts.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
    adjusted = statistics.holm(claims.loc[tested, "p_value"].to_numpy(dtype=np.float64))
    claims["p_adjusted"] = pd.Series(adjusted, index=claims.index[tested]).reindex(claims.index)
    claims.loc[claims["p_adjusted"] >= ALPHA, "verdict"] = "inconclusive"
    return claims


@dataclass(frozen=True, slots=True)
class _Outcome:
    comparison: str
    effect: float
    low: float
    high: float
    p: float
    verdict: str
    n: int


def _row(key: str, name: str, claim: Claim, part: ClaimPart, table: pd.DataFrame) -> dict[str, Any]:
    try:
        rows = _rows(part, table)
        outcome = _judge_exact(part, rows) if part.relation == "exact" else _judge(part, rows)
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
        "comparison": outcome.comparison,
        "effect": outcome.effect,
        "ci_low": outcome.low,
        "ci_high": outcome.high,
        "p_value": outcome.p,
        "p_adjusted": outcome.p if primary else np.nan,
        "verdict": outcome.verdict,
        "n": outcome.n,
        "figure": claim.figure,
    }


# Statistical relations -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    where: str
    result: statistics.Interval
    p_for: float
    p_against: float


def _judge(part: ClaimPart, rows: pd.DataFrame) -> _Outcome:
    pairs = _pairs(part, rows)
    cases = [_case(part, where, case) for where, case in _by_case(pairs)]
    undefined = [case for case in cases if not case.result.defined]
    binding = undefined[0] if undefined else max(cases, key=lambda case: (case.p_for, -case.p_against))
    p, verdict = (np.nan, "inconclusive") if undefined else _decide(part, cases)
    result, comparison = binding.result, _comparison(part, binding, len(cases))
    return _Outcome(comparison, result.estimate, result.low, result.high, p, verdict, result.n)


def _decide(part: ClaimPart, cases: list[_Case]) -> tuple[float, str]:
    p_for = max(case.p_for for case in cases)
    p_against = min(1.0, len(cases) * min(case.p_against for case in cases))
    # Directions are tested two-sided; the two null hypotheses of an equality cannot both be true.
    sides = 1 if part.relation == "equal" else 2
    p = min(1.0, sides * min(p_for, p_against))
    if p >= ALPHA:
        return p, "inconclusive"
    return p, "supported" if p_for < p_against else "refuted"


def _case(part: ClaimPart, where: str, pairs: pd.DataFrame) -> _Case:
    null = _null(part)
    if part.relation == "equal" and part.margin is not None:
        level = 1 - 2 * ALPHA
        p_for, p_against = statistics.equivalence(lambda at: _test(part, pairs, at, level), null, part.margin)
        return _Case(where, _test(part, pairs, null, level), p_for, p_against)
    test = _test(part, pairs, null, statistics.LEVEL)
    if part.relation == "less":
        return _Case(where, test, test.p_less, test.p_greater)
    return _Case(where, test, test.p_greater, test.p_less)


def _test(part: ClaimPart, pairs: pd.DataFrame, null: float, level: float) -> statistics.Test:
    metric = METRICS[part.metric]
    a = pairs["a"].to_numpy(dtype=np.float64)
    b = pairs["b"].to_numpy(dtype=np.float64) if part.b is not None else None
    if part.share_of is not None:
        return statistics.ratio_of_means_test(*_share_of(pairs), null, level)
    if metric.statistic == "share":
        a = _failures_counted(metric, a)
        if b is None:
            return statistics.share_test(a, null, level)
        return statistics.paired_share_test(a, _failures_counted(metric, b), null, level)
    with np.errstate(all="ignore"):
        if metric.scale == "ratio":
            # A quotient of two negative numbers would pass for a ratio.
            ratio = a if b is None else np.where((a > 0) & (b > 0), a / b, np.nan)
            return statistics.geometric_mean_test(ratio, null, level)
        one_sample = statistics.median_test if metric.statistic == "median" else statistics.mean_test
        return one_sample(a if b is None else a - b, null, level)


def _share_of(pairs: pd.DataFrame) -> tuple[statistics.Array, statistics.Array]:
    """Both changes relative to the value at zero, so that no snapshot outweighs the others by its scale."""
    a, zero, one = (pairs[side].to_numpy(dtype=np.float64) for side in ("a", "zero", "one"))
    with np.errstate(all="ignore"):
        return 1 - a / zero, 1 - one / zero


def _failures_counted(metric: Metric, values: statistics.Array) -> statistics.Array:
    return np.where(np.isfinite(values), values, np.nan if metric.failure is None else metric.failure)


def _null(part: ClaimPart) -> float:
    if part.reference is not None:
        return part.reference
    return 1.0 if METRICS[part.metric].scale == "ratio" else 0.0


# Exact relations -----------------------------------------------------------------------------------------------------


def _judge_exact(part: ClaimPart, rows: pd.DataFrame) -> _Outcome:
    """Compare every case with the tolerance; a value that is not finite is outside of it."""
    if part.b is None and part.share_of is None:
        # Nothing is paired: a may stand for several batch sizes or variants at once.
        cases = _selected("a", part.a, rows).rename(columns={"value": "a"})
    else:
        cases = _pairs(part, rows).reset_index()
    target = part.reference if part.reference is not None else cases["b"].to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        value = cases["a"].to_numpy(dtype=np.float64) if part.share_of is None else np.divide(*_share_of(cases))
        deviation = np.abs(value - target)
    margin = part.margin or 0.0
    worst = int(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)))
    where = _where({column: cases[column].iloc[worst] for column in _PAIRED_BY if column in cases})
    comparison = f"|{_quantity(part, '-')}{_shift(part)}| ≤ {margin:g} in all of {len(cases)} cases; largest in {where}"
    verdict = "supported" if bool((deviation <= margin).all()) else "refuted"
    return _Outcome(comparison, float(deviation[worst]), np.nan, np.nan, np.nan, verdict, len(cases))


def _shift(part: ClaimPart) -> str:
    if not part.reference:
        return ""
    return f" {'-' if part.reference > 0 else '+'} {abs(part.reference):g}"


# Rows and pairs ------------------------------------------------------------------------------------------------------


def _rows(part: ClaimPart, table: pd.DataFrame) -> pd.DataFrame:
    """Select the metric's rows in the environments and stages that the part names."""
    # Names that look like numbers, and empty stages, do not survive CSV as text.
    text = {column: table[column].astype(object).where(table[column].notna(), "").astype(str) for column in _NAMES}
    rows = table.assign(**text)
    metrics = tuple(dict.fromkeys(selection.get("metric", part.metric) for selection in _sides(part).values()))
    for column, wanted in (("metric", metrics), ("environment", part.environments), ("stage", part.stages)):
        missing = [name for name in wanted if name not in set(rows[column])]
        if missing:
            there = ", ".join(rows[column].unique())
            gone = ", ".join(missing)
            raise ValueError(f"{part.experiment} has no {column} {gone} for {part.metric}; there {column} is {there}")
        rows = rows[rows[column].isin(wanted)] if wanted else rows
    return rows


_NAMES = ("environment", "variant", "stage", "metric")


def _selected(side: str, selection: Selection, rows: pd.DataFrame) -> pd.DataFrame:
    for column, value in selection.items():
        if column not in rows.columns:
            raise ValueError(f"{side}: no column {column}; columns are {', '.join(rows.columns)}")
        chosen = rows[_matches(rows[column], value)]
        if chosen.empty:
            there = ", ".join(map(str, rows[column].unique()))
            raise ValueError(f"{side}: no rows with {column} {value}; there {column} is one of {there}")
        rows = chosen
    return rows


def _matches(column: pd.Series[Any], value: Any) -> pd.Series[bool]:
    """Compare as a table does that was written and read back: numbers as numbers, the rest as text."""
    if value is None:
        return column.isna()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return pd.to_numeric(column, errors="coerce") == value
    return column.astype(str) == str(level_value(value))


def _pairs(part: ClaimPart, rows: pd.DataFrame) -> pd.DataFrame:
    """Put the values of each side into a column, a row per environment, stage and seed of a."""
    sides = {side: {"metric": part.metric, **selection} for side, selection in _sides(part).items()}
    # What a side selects itself (a stage against another) cannot pair it.
    keys = [key for key in _PAIRED_BY if not any(key in selection for selection in sides.values())]
    values = {side: _values(side, selection, rows, keys) for side, selection in sides.items()}
    for side, of_side in values.items():
        missing = values["a"].index.difference(of_side.index, sort=False)
        if len(missing):
            partner = _where(dict(zip(keys, missing[0] if len(keys) > 1 else missing[:1], strict=True)))
            raise ValueError(f"{side}: no partner for {len(missing)} rows of a, the first of them {partner}")
    return pd.DataFrame({side: of_side.reindex(values["a"].index) for side, of_side in values.items()})


def _sides(part: ClaimPart) -> dict[str, Selection]:
    """Return what each side of a part selects; one of them may name a metric of its own."""
    sides = {"a": part.a}
    if part.b is not None:
        sides["b"] = part.b
    if part.share_of is not None:
        sides |= {"zero": part.share_of.zero, "one": part.share_of.one}
    return sides


def _values(side: str, selection: Selection, rows: pd.DataFrame, keys: list[str]) -> pd.Series[float]:
    chosen = _selected(side, selection, rows)
    if chosen.duplicated(keys).any():
        open_columns = [
            f"{column} ({', '.join(map(str, chosen[column].unique()))})"
            for column in chosen.columns.difference([*keys, "value"], sort=False)
            if len(chosen[column].unique()) > 1
        ]
        raise ValueError(f"{side}: leaves open {', '.join(open_columns)}; name one")
    return chosen.set_index(keys)["value"]


def _by_case(pairs: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    """Yield each environment and stage that the pairs come from, with its pairs."""
    keys = [str(key) for key in pairs.index.names if key != "seed"]
    if not keys:
        yield "", pairs
        return
    for names, case in pairs.groupby(level=keys, sort=False):
        yield _where(dict(zip(keys, names if isinstance(names, tuple) else (names,), strict=True))), case


# Words ---------------------------------------------------------------------------------------------------------------


def _comparison(part: ClaimPart, binding: _Case, cases: int) -> str:
    """Say what was compared, in which case, and how."""
    ratio = METRICS[part.metric].scale == "ratio"
    sign = {"less": "<", "greater": ">", "equal": "="}[part.relation]
    margin = f" ± {part.margin:g} (90 % interval)" if part.relation == "equal" else ""
    where = f" in {binding.where}" if binding.where else ""
    which = f", the least favourable of {cases}" if cases > 1 else ""
    said = f"{_quantity(part, '/' if ratio else '-')} {sign} {_null(part):g}{margin}"
    return f"{said}{where}{which}; {binding.result.method}"


def _quantity(part: ClaimPart, sign: str) -> str:
    a = _named(part.a)
    if part.share_of is not None:
        zero, one = _named(part.share_of.zero), _named(part.share_of.one)
        return f"share of the change from {zero} to {one} reached by {a}"
    return a if part.b is None else f"{a} {sign} {_named(part.b)}"


def _named(selection: Selection) -> str:
    """Name a selection: the variant, then its levels in brackets."""
    levels = [f"{column.rsplit('.', 1)[-1]} {value}" for column, value in selection.items() if column != "variant"]
    if "variant" not in selection:
        return ", ".join(levels)
    return f"{selection['variant']} ({', '.join(levels)})" if levels else str(selection["variant"])


def _where(keys: Mapping[str, Any]) -> str:
    return ", ".join(f"seed {value}" if key == "seed" else str(value) for key, value in keys.items() if value != "")
