"""From declared claims to computed verdicts.

A part of a claim is judged in every case that it names: each environment, and in each environment each stage. Rows of
the two sides are paired by environment, stage and seed, which gives a sample of differences (or ratios), one per seed.
`pg.claims.selection` selects these rows, `pg.claims.comparisons` tests them, and the part's relation turns the test
into a p-value in favour and one against.

The part holds if it holds in all cases (intersection-union test, Berger 1982). Its p-value in favour is the largest of
the cases; its p-value against is the smallest times the number of cases (Bonferroni). The reported p is the smaller of
the two, doubled if the relation is two-sided. The verdict of a part:

| verdict | reported p | |
|---|---|---|
| supported | below 0.05, in favour | |
| refuted | below 0.05, against | no case is in favour |
| mixed | below 0.05, against | the smallest p in favour, times the number of cases, is below 0.05 (doubled likewise) |
| undecided | 0.05 or more, or undefined | |
| not tested | none | the condition in `provided`, judged like a part, is not supported |

Effect and interval are those of one case: the first in the declared order of environments and stages, or the one in
`shown`, and so are `mean_a` and the means of the other sides, which are geometric on a ratio scale. `published` is the
number of others that a is compared with, from which the effect is then measured. `lowest` and
`highest` are the least and the largest effect of all cases. `comparison` names the shown case, and the one with the
largest p in favour if it is another.

A relation with a tolerance compares every row with it and has no tests; the effect is the largest deviation, and
`mean_a` the mean of a over all rows. The part
is mixed if all rows of one case are within the tolerance, and a row of another is not.

The verdict of a claim is that of its primary part, or mixed if the primary part is supported or refuted and another
part is mixed or the opposite. For this question alone, the p-values of the other parts are adjusted by Holm's method
within their claim, so that a claim with many parts is not mixed by chance.

If learning rates were selected several times, the runs of a selection are a group, and tests and intervals are over
groups (see `pg.claims.selection`): with B groups, Student's t has B - 1 degrees of freedom, and shares are judged at
their effective sample size. So the noise of tuning is part of every interval and test. `selections` is the number of
groups of the shown case, 0 if every run is independent; `in_favour` that of groups whose effect satisfies the relation.

`coverage` names the kinds of data on which such a 95 % interval contains the truth less or more often than 93 to 97 %
of the time, and how often it does; it is empty if there are none (see `pg.statistics.coverage`).

A diverged run has a value in every metric (see `pg.experiments.train.curves`). A run without a value counts as a
failure if the metric is a share. In every other metric a value that is not finite makes the part undecided, and so
does one that is not positive, such as a variance of 0, in a ratio; `comparison` says so.

Source: Berger (1982), "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 295-300.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from pg.claims.comparisons import Comparison, Groups, Values, comparison_of
from pg.claims.record import Claim, ClaimPart, Shown
from pg.claims.relations.relation import Tested, Tolerance
from pg.claims.selection import GROUP, PAIRED_BY, Side, by_case, in_words, joined, pairs, rows_of, selected, sides_of
from pg.experiments.metric import Metric
from pg.experiments.metrics import METRICS
from pg.statistics import coverage, decisions
from pg.statistics.intervals import Test

Verdict = Literal["supported", "refuted", "mixed", "undecided", "not tested"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
OPPOSITE = {"supported": "refuted", "refuted": "supported"}

COLUMNS = (
    *("claim", "part", "primary", "statement", "section", "metric", "comparison", "effect", "ci_low", "ci_high"),
    *("mean_a", "mean_b", "mean_zero", "mean_one", "published", "lowest", "highest", "coverage", "p_value"),
    *("p_adjusted", "verdict", "claim_verdict", "n", "selections", "in_favour", "figure"),
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
    mean_a: float = np.nan
    mean_b: float = np.nan
    mean_zero: float = np.nan
    mean_one: float = np.nan
    lowest: float = np.nan
    highest: float = np.nan
    coverage: str = ""
    selections: int = 0
    in_favour: int = 0


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
            outcome = _outcome(part, tables, tuned, metrics)
        except ValueError as error:
            raise ValueError(f"claims.{key}.parts.{name}: {error}") from error
        primary = name == claim.primary
        declared = {"claim": key, "part": name, "primary": primary, "metric": part.metric}
        declared |= claim.model_dump(include={"statement", "section", "figure"})
        declared["published"] = np.nan if part.published is None else part.published.value
        rows.append(declared | asdict(outcome) | {"p_adjusted": outcome.p_value if primary else np.nan})
    return _with_verdicts_of_claims(pd.DataFrame(rows, columns=list(COLUMNS)))


def _outcome(
    part: ClaimPart,
    tables: Mapping[str, pd.DataFrame],
    tuned: Mapping[str, pd.DataFrame],
    metrics: Mapping[str, Metric],
) -> Outcome:
    """Judge a part; without a p-value if its condition is not supported."""
    ranking = joined(part, tuned) if tuned.keys() >= set(part.experiments.values()) else None
    outcome = judge(part, metrics[part.metric], joined(part, tables), ranking)
    if part.condition is None:
        return outcome
    try:
        found = _outcome(part.condition, tables, tuned, metrics)
    except ValueError as error:
        raise ValueError(f"provided: {error}") from error
    if found.verdict == "supported":
        return outcome
    demanded = f"demanded of {part.condition.metric}: {found.comparison}"
    cases = "" if np.isnan(found.lowest) else f", {found.lowest:.3g} to {found.highest:.3g} over all cases"
    words = f"{outcome.comparison}; {demanded}; found: {found.effect:.3g} ({found.verdict}{cases})"
    return replace(outcome, comparison=words, p_value=np.nan, verdict="not tested")


def adjust(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join evaluated claims and adjust their primaries for multiple testing by Holm's method.

    Primaries without a p-value are not adjusted. A verdict with an adjusted p of 0.05 or more becomes undecided; the
    other parts keep the verdict of their own p. The verdicts of claims follow from the adjusted verdicts.
    """
    evaluated = list(frames)
    if not evaluated:
        return pd.DataFrame(columns=list(COLUMNS))
    claims = pd.concat(evaluated, ignore_index=True)
    tested = claims["primary"] & claims["p_value"].notna()
    adjusted = decisions.holm(claims.loc[tested, "p_value"].to_numpy(dtype=np.float64))
    claims["p_adjusted"] = pd.Series(adjusted, index=claims.index[tested]).reindex(claims.index)
    claims.loc[claims["p_adjusted"] >= ALPHA, "verdict"] = "undecided"
    return _with_verdicts_of_claims(claims)


def _with_verdicts_of_claims(rows: pd.DataFrame) -> pd.DataFrame:
    verdicts = {claim: _verdict_of_claim(parts) for claim, parts in rows.groupby("claim", sort=False)}
    return rows.assign(claim_verdict=rows["claim"].map(verdicts))


def _verdict_of_claim(parts: pd.DataFrame) -> str:
    primary, others = str(parts.loc[parts["primary"], "verdict"].iloc[0]), parts[~parts["primary"]]
    p = others["p_value"].dropna()
    adjusted = pd.Series(decisions.holm(p), index=p.index).reindex(others.index)
    # Parts with a tolerance have no p-value, and are decided without an adjustment.
    decided = others.loc[~(adjusted >= ALPHA), "verdict"]
    is_mixed = primary in OPPOSITE and decided.isin([OPPOSITE[primary], "mixed"]).any()
    return "mixed" if is_mixed else primary


def judge(part: ClaimPart, metric: Metric, table: pd.DataFrame, tuned: pd.DataFrame | None) -> Outcome:
    """Judge one part on the rows of its experiments; errors are those of `evaluate`."""
    rows = rows_of(part, table)
    sides, comparison = sides_of(part, rows, tuned), comparison_of(part, metric)
    with np.errstate(all="ignore"):
        match part.decision:
            case Tested() as relation:
                return _judge_cases(relation, comparison, sides, rows, part.shown)
            case Tolerance() as relation:
                return _judge_rows(relation, comparison, sides, rows)
            case relation:
                raise TypeError(f"{relation.name} is neither tested nor a tolerance")


@dataclass(frozen=True, slots=True)
class _Case:
    """A part in one environment and stage; `agreeing` tells for each group whether it satisfies the relation."""

    where: Mapping[str, str]
    result: Test
    means: Mapping[str, float]
    p_for: float
    p_against: float
    agreeing: Sequence[bool]


def _judge_cases(
    relation: Tested, comparison: Comparison, sides: Mapping[str, Side], rows: pd.DataFrame, wanted: Shown | None
) -> Outcome:
    target = comparison.target
    cases = [_case(relation, comparison, where, paired) for where, paired in by_case(pairs(sides, rows))]
    undefined = [case for case in cases if not case.result.defined]
    worst = undefined[0] if undefined else max(cases, key=lambda case: (case.p_for, -case.p_against))
    p, verdict = (np.nan, "undecided") if undefined else _verdict(relation, cases)
    shown = _shown(cases, wanted)
    statement, result = relation.statement(_quantity(comparison, sides, shown.where), target), shown.result
    words = f"{statement}{_place(shown)}; {result.method}"
    if worst is not shown:
        found = f"{worst.result.estimate:.3g}" if worst.result.defined else worst.result.method
        words += f"; the least certain of {len(cases)} is{_place(worst)}: {found}"
    covered = coverage.shortfall(comparison.statistic, result)
    lowest, highest = _range([case.result.estimate for case in cases])
    return Outcome(
        words,
        result.estimate,
        result.low,
        result.high,
        p,
        verdict,
        result.n,
        **{f"mean_{side}": mean for side, mean in shown.means.items()},
        lowest=lowest,
        highest=highest,
        coverage=covered,
        selections=len(shown.agreeing),
        in_favour=sum(shown.agreeing),
    )


def _case(relation: Tested, comparison: Comparison, where: Mapping[str, Any], paired: pd.DataFrame) -> _Case:
    values, target = _values(paired.drop(columns=GROUP)), comparison.target
    groups = None if paired[GROUP].isna().all() else paired[GROUP].to_numpy(dtype=np.float64)
    test = cache(lambda null: comparison.test(values, groups, null, relation.level))
    agreeing = [relation.agrees(comparison.effect(own), target) for own in _by_group(values, groups)]
    return _Case(
        where, test(target.value), comparison.means(values, groups), *relation.p_values(test, target), agreeing
    )


def _by_group(values: Values, groups: Groups) -> Iterator[Values]:
    if groups is not None:
        for group in np.unique(groups):
            yield {side: found[groups == group] for side, found in values.items()}


def _verdict(relation: Tested, cases: Sequence[_Case]) -> tuple[float, Verdict]:
    """Return the reported p-value and the verdict over cases that are all defined."""
    p_for = max(case.p_for for case in cases)
    p_against = min(1.0, len(cases) * min(case.p_against for case in cases))
    p = min(1.0, relation.sides * min(p_for, p_against))
    if p >= ALPHA:
        return p, "undecided"
    if p_for < p_against:
        return p, "supported"
    in_favour = relation.sides * len(cases) * min(case.p_for for case in cases)
    return p, "mixed" if in_favour < ALPHA else "refuted"


def _shown(cases: Sequence[_Case], wanted: Shown | None) -> _Case:
    names = {} if wanted is None else wanted.model_dump(exclude_none=True)
    for case in cases:
        if names.items() <= case.where.items():
            return case
    found = "; ".join(in_words(case.where) for case in cases)
    raise ValueError(f"shown: {in_words(names)} is not a case of the part; found: {found}")


def _place(case: _Case) -> str:
    return f" in {in_words(case.where)}" if in_words(case.where) else ""


def _range(effects: Sequence[float]) -> tuple[float, float]:
    """Return the least and the largest effect of several cases, without those that are undefined."""
    known = [effect for effect in effects if not np.isnan(effect)]
    return (min(known), max(known)) if len(effects) > 1 and known else (np.nan, np.nan)


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
    words = f"{statement} in all of {len(cases)} rows; largest in {in_words(where)}"
    keys = [column for column in PAIRED_BY if column in cases and column != "seed"]
    places = cases.groupby(keys, sort=False).indices.values() if keys else [np.arange(len(cases))]
    holds = [relation.holds(deviations[place], target) for place in places]
    verdict = "supported" if all(holds) else "mixed" if any(holds) else "refuted"
    lowest, highest = _range([float(deviations[place].max()) for place in places])
    largest, mean = float(deviations[worst]), float(comparison.average(values["a"]))
    return Outcome(
        words, largest, np.nan, np.nan, np.nan, verdict, len(cases), mean_a=mean, lowest=lowest, highest=highest
    )


def _quantity(comparison: Comparison, sides: Mapping[str, Side], where: Mapping[str, Any]) -> str:
    labels = {name: side.label(where.get("environment", "")) for name, side in sides.items()}
    return comparison.words.format(**labels)


def _values(frame: pd.DataFrame) -> Values:
    return {str(side): frame[side].to_numpy(dtype=np.float64) for side in frame.columns}
