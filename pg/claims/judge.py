"""From declared claims to computed verdicts.

A part of a claim is judged in every case that it names: each environment, and in each environment each stage. Rows of
the two sides are paired by environment, stage and seed, which gives a sample of differences (or ratios), one per seed.
`pg.claims.selection` selects these rows, `pg.claims.comparisons` tests them, and the part's relation turns the test
into a p-value in favour and one against.

The part holds if it holds in all cases (intersection-union test, Berger 1982). Its p-value in favour is the largest of
the cases; its p-value against is the smallest times the number of cases (Bonferroni). The reported p is the smaller of
the two, doubled if the relation is two-sided. The part is inconclusive if the reported p is 0.05 or more; otherwise it
is supported if the p in favour is the smaller one, and refuted if the p against is. Effect and interval are those of
the case with the largest p in favour, which `comparison` names. A relation with a tolerance compares every row with it
and has no tests.

`coverage` names the kinds of data on which such a 95 % interval contains the truth less or more often than 93 to 97 %
of the time, and how often it does; it is empty if there are none (see `pg.statistics.coverage`).

A diverged run has a value in every metric (see `pg.experiments.train.curves`). A run without a value counts as a
failure if the metric is a share. In every other metric a value that is not finite makes the part inconclusive, and
`comparison` says so.

Source: Berger (1982), "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 295-300.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from pg.claims.comparisons import Comparison, Values, comparison_of
from pg.claims.record import Claim, ClaimPart
from pg.claims.relations.relation import Tested, Tolerance
from pg.claims.selection import PAIRED_BY, Side, by_case, in_words, joined, pairs, rows_of, selected, sides_of
from pg.experiments.metric import Metric
from pg.experiments.metrics import METRICS
from pg.statistics import coverage, decisions
from pg.statistics.intervals import Test

Verdict = Literal["supported", "refuted", "inconclusive"]

COLUMNS = (
    *("claim", "part", "primary", "statement", "section", "metric", "comparison", "effect", "ci_low", "ci_high"),
    *("coverage", "p_value", "p_adjusted", "verdict", "n", "figure"),
)
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of judging a part; columns of `claims.csv`."""

    comparison: str
    effect: float
    ci_low: float
    ci_high: float
    p_value: float
    verdict: Verdict
    n: int
    coverage: str = ""


def evaluate(
    key: str,
    claim: Claim,
    tables: Mapping[str, pd.DataFrame],
    tuned: Mapping[str, pd.DataFrame] = MappingProxyType({}),
    metrics: Mapping[str, Metric] = METRICS,
) -> pd.DataFrame:
    """Judge every part of one claim, and return a row per part with the columns of `claims.csv`.

    The adjusted p of the primary part is its own p; `adjust` replaces it.

    Parameters
    ----------
    key
        Name of the claim.
    tables
        Long tables by experiment.
    tuned
        Standings of tuned cells by experiment; needed by parts with `best_of`.
    metrics
        Declarations of the metrics by name. Default: those of the built-in kinds.

    Raises
    ------
    ValueError
        If a part's rows are missing, ambiguous or without a partner; the message names the part and the rows.
    """
    rows = []
    for name, part in claim.parts.items():
        try:
            ranking = joined(part, tuned) if tuned.keys() >= set(part.experiments.values()) else None
            outcome = judge(part, metrics[part.metric], joined(part, tables), ranking)
        except ValueError as error:
            raise ValueError(f"claims.{key}.parts.{name}: {error}") from error
        primary = name == claim.primary
        declared = {"claim": key, "part": name, "primary": primary, "metric": part.metric}
        declared |= claim.model_dump(include={"statement", "section", "figure"})
        rows.append(declared | asdict(outcome) | {"p_adjusted": outcome.p_value if primary else np.nan})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def adjust(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join evaluated claims and adjust their primaries for multiple testing by Holm's method.

    Primaries without a p-value are not adjusted. A verdict with an adjusted p of 0.05 or more becomes inconclusive; the
    other parts keep the verdict of their own p.
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


def judge(part: ClaimPart, metric: Metric, table: pd.DataFrame, tuned: pd.DataFrame | None) -> Outcome:
    """Judge one part on the rows of its experiments; errors are those of `evaluate`."""
    rows = rows_of(part, table)
    sides, comparison = sides_of(part, rows, tuned), comparison_of(part, metric)
    with np.errstate(all="ignore"):
        match part.decision:
            case Tested() as relation:
                return _judge_cases(relation, comparison, sides, rows)
            case Tolerance() as relation:
                return _judge_rows(relation, comparison, sides, rows)
            case relation:
                raise TypeError(f"{relation.name} is neither tested nor a tolerance")


@dataclass(frozen=True, slots=True)
class _Case:
    """A part in one environment and stage."""

    where: Mapping[str, str]
    result: Test
    p_for: float
    p_against: float


def _judge_cases(relation: Tested, comparison: Comparison, sides: Mapping[str, Side], rows: pd.DataFrame) -> Outcome:
    target, cases = comparison.target, list[_Case]()
    for where, paired in by_case(pairs(sides, rows)):
        values = _values(paired)
        test = cache(lambda null, values=values: comparison.test(values, null, relation.level))
        cases.append(_Case(where, test(target.value), *relation.p_values(test, target)))
    undefined = [case for case in cases if not case.result.defined]
    shown = undefined[0] if undefined else max(cases, key=lambda case: (case.p_for, -case.p_against))
    p, verdict = np.nan, "inconclusive"
    if not undefined:
        p_against = min(1.0, len(cases) * min(case.p_against for case in cases))
        p = min(1.0, relation.sides * min(shown.p_for, p_against))
        verdict = "inconclusive" if p >= ALPHA else "supported" if shown.p_for < p_against else "refuted"
    statement, result = relation.statement(_quantity(comparison, sides, shown.where), target), shown.result
    place = f" in {in_words(shown.where)}" if in_words(shown.where) else ""
    which = f", the least favourable of {len(cases)}" if len(cases) > 1 else ""
    words = f"{statement}{place}{which}; {result.method}"
    covered = coverage.shortfall(comparison.statistic, result)
    return Outcome(words, result.estimate, result.low, result.high, p, verdict, result.n, covered)


def _judge_rows(relation: Tolerance, comparison: Comparison, sides: Mapping[str, Side], rows: pd.DataFrame) -> Outcome:
    if len(sides) > 1:
        cases = pairs(sides, rows).reset_index()
    else:
        # Without b, rows are not paired, so a may select several batch sizes or variants at once.
        cases = selected(sides["a"], rows).rename(columns={"value": "a"})
    values, target = _values(cases[[*sides]]), comparison.target
    deviations = np.abs(comparison.per_row(values) - values.get("b", target.value))
    worst = int(np.argmax(np.where(np.isnan(deviations), np.inf, deviations)))
    where = {column: cases[column].iloc[worst] for column in PAIRED_BY if column in cases}
    statement = relation.statement(_quantity(comparison, sides, where), target)
    words = f"{statement} in all of {len(cases)} cases; largest in {in_words(where)}"
    verdict = "supported" if relation.holds(deviations, target) else "refuted"
    return Outcome(words, float(deviations[worst]), np.nan, np.nan, np.nan, verdict, len(cases))


def _quantity(comparison: Comparison, sides: Mapping[str, Side], where: Mapping[str, Any]) -> str:
    labels = {name: side.label(where.get("environment", "")) for name, side in sides.items()}
    return comparison.words.format(**labels)


def _values(frame: pd.DataFrame) -> Values:
    return {str(side): frame[side].to_numpy(dtype=np.float64) for side in frame.columns}
