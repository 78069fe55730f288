"""Format the rows of claims.csv for the report, with what would decide the undecided ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandas import DataFrame

from pg.claims.comparisons import comparison_of, estimate_of
from pg.claims.judge import ALPHA
from pg.claims.record import ClaimPart, Family, Selection
from pg.claims.relations.relation import Tested
from pg.claims.verification import Reference
from pg.experiments.metric import Metric
from pg.plotting.text import counted, number, span
from pg.report.sentences import Result, finding, is_part, measured, signed_amount, written
from pg.report.sentences import declared as as_declared
from pg.report.sides import environments_of
from pg.report.strips import strip_of
from pg.statistics.decisions import MAX_SEEDS, effect_size, seeds_needed
from pg.statistics.intervals import LEVEL
from pg.study.record import Study
from pg.study.sources import stages_of

_WANTED = 0.8  # probability of a decision, by custom


def claim_rows(study: Study, claims: DataFrame) -> list[dict[str, Any]]:
    """Describe every part of every claim, from the rows of claims.csv.

    `strip` draws the finding; `corrected` tells whether a test decides by itself, but not after correction; `level` is
    the nominal coverage of the interval in per cent; `rows` are the paths of the tables that the part was computed
    from, relative to the page, by experiment, and `selected` which of their rows; the table is sorted by
    `effect_value`, `p_value` and `n_value`.
    """
    rows = claims.to_dict("records")
    undecided = sum(row["verdict"] == "undecided" and not math.isnan(row["p_adjusted"]) for row in rows)
    return [_described(study, row, undecided) for row in rows]


def _described(study: Study, row: Mapping[Any, Any], undecided: int) -> dict[str, Any]:
    result = Result.of(study, row)
    declared, metric = result.part, result.metric
    effect, low, high, n, raw, adjusted = (
        float(row[key]) for key in ("effect", "ci_low", "ci_high", "n", "p_value", "p_adjusted")
    )
    p, relation = raw if math.isnan(adjusted) else adjusted, declared.decision
    # Holm's method adjusts the p-values of primary parts alone.
    left = undecided if row["primary"] else 1
    is_open = row["verdict"] == "undecided"
    selections = int(row["selections"])
    lowest, highest = float(row["lowest"]), float(row["highest"])
    return {
        **{name: row[name] for name in ("claim", "part", "primary", "statement", "figure")},
        **{name: row[name] for name in ("verdict", "claim_verdict")},
        "title": declared.label or str(row["part"]).replace("_", " "),
        "comparison": _in_labels(study, declared, row["comparison"]),
        "finding": finding(result),
        "measured": measured(result),
        "strip": strip_of(result),
        "environments": [study.environment_label(one) for one in environments_of(study, declared)],
        "stages": [one.replace("_", " ") for one in declared.stages or stages_of(study, declared.experiment)],
        "metric": metric.name,
        "label": metric.label,
        "rows": {name: f"tables/{name}.csv" for name in dict.fromkeys(declared.experiments.values())},
        "selected": [_rows_in_words(declared.metric, one) for _, _, one in declared.selections],
        "effect": number(effect),
        "range": "" if math.isnan(lowest) else span(lowest, highest),
        "interval": "" if math.isnan(low) or math.isnan(high) else span(low, high),
        "level": round(100 * (relation.level if isinstance(relation, Tested) else LEVEL)),
        "coverage": row["coverage"] if isinstance(row["coverage"], str) else "",
        "p": _p_in_words(p, is_raw=math.isnan(adjusted)),
        "n": "–" if math.isnan(n) else f"{n:,.0f}",
        "selections": selections,
        "in_favour": int(row["in_favour"]),
        "corrected": bool(is_open and raw < ALPHA <= adjusted),
        # Without a p-value some case is undefined, which the effect of this one cannot mend.
        "outlook": outlook(declared, metric, effect, low, high, int(n), left, selections)
        if is_open and not math.isnan(raw)
        else "",
        "effect_value": effect,
        "p_value": p,
        "n_value": n,
        "published": _beside(result),
    }


@dataclass(frozen=True)
class Beside:
    """A published number beside what was measured, in words; `verdict` is "agrees" or "differs" if that is claimed."""

    value: str
    source: str
    setting: str
    measured: str
    difference: str
    verdict: str


def _beside(result: Result) -> Beside | None:
    published, declared = result.part.published, result.part
    if published is None:
        return None
    other = estimate_of(published, is_share=result.metric.statistic == "share")
    # As it was published, and as precisely.
    value = as_declared(result.metric, published.value)
    if other.error:
        value += f" ± {written(result.metric, other.error)}"
    measured_mean, is_equality = result.means.get("a", math.nan), declared.margin is not None
    difference = signed_amount(result, measured_mean - published.value)
    if declared.is_relative:
        ends = f" ({signed_amount(result, result.low)} to {signed_amount(result, result.high)})"
        difference = f"{signed_amount(result, result.effect)}{ends if result.has_interval else ''}"
    return Beside(
        value=value,
        source=published.source,
        setting=published.setting,
        measured=written(result.metric, measured_mean) if is_part(result.metric) else number(measured_mean),
        difference=difference,
        verdict={"supported": "agrees", "refuted": "differs"}.get(result.verdict, result.verdict)
        if is_equality
        else result.verdict,
    )


def _rows_in_words(metric: str, selection: Selection) -> str:
    """Say which rows of a table a side selects, by its columns."""
    return ", ".join(f"{column} = {value}" for column, value in ({"metric": metric} | selection).items())


def outlook(
    part: ClaimPart,
    metric: Metric,
    effect: float,
    low: float,
    high: float,
    n: int,
    undecided: int,
    selections: int = 0,
) -> str:
    """Return a sentence on the number of seeds that would decide a part of a claim, if its effect is as measured.

    The effect size is the distance between the effect and the null value (for an equality: the nearer end of the
    margin) over the standard deviation between seeds, computed from the interval. Ratios are compared as logarithms.
    For intervals other than Student's t this is an approximation. `undecided` is the number of undecided claims in
    Holm's method; 1 for a part whose p-value is not adjusted. If runs share `selections` of the learning rate, these
    take the place of seeds.
    """
    relation = part.decision
    # More seeds do not make the uncertainty of a published number smaller.
    if not isinstance(relation, Tested) or math.isnan(effect) or part.published is not None:
        return ""
    size, unit = (selections, "selection") if selections else (n, "seed")
    if not math.isfinite(low + high):
        return f"No bounds follow from {counted(size, unit)}; run more."
    if low == high:
        return f"The interval has width 0; more {unit}s would not change it."
    comparison = comparison_of(part, metric)
    scale = math.log if comparison.logarithmic else float
    reach = (scale(high) - scale(low)) / 2
    distance = min(abs(scale(effect) - scale(value)) for value in relation.tested_values(comparison.target))
    needed = None
    if reach > 0 and distance > 0:
        standardised = effect_size(distance, distance + reach, size, relation.level)
        needed = seeds_needed(standardised, undecided, 1 - relation.level, _WANTED)
    start = "If the effect is as large as measured,"
    if needed is None:
        return f"{start} not even {counted(MAX_SEEDS, unit)} would decide it; {span(low, high)} remains possible."
    wanted = counted(max(needed, size + 1), unit)
    return f"{start} {wanted} instead of {size:,} would decide it, in {100 * _WANTED:.0f} % of studies."


def verdicts_with_other_seeds(compared: Iterable[Mapping[Any, Any]], name: str) -> dict[str, str]:
    """Say which verdicts runs with other seeds gave, by claim, where any of them is not that of the named run.

    `compared` has the rows of `pg.claims.verification.replication`: "undecided in 1 of 2 runs".
    """
    runs = [row["changed"] for row in compared if row["first"] == name]
    found: dict[str, Counter[str]] = {}
    for change in (one for changed in runs if changed for one in changed.split("; ")):
        claim, _, verdicts = change.partition(": ")
        found.setdefault(claim, Counter())[verdicts.rpartition(", then ")[2]] += 1
    return {
        claim: " and ".join(f"{verdict} in {count} of {len(runs)} runs" for verdict, count in verdicts.items())
        for claim, verdicts in found.items()
    }


@dataclass(frozen=True)
class Quoted:
    """Another study, the processor that it ran on, its place on the page, and the rows of each of its claims."""

    study: str
    processor: str
    anchor: str
    claims: Mapping[str, Sequence[Mapping[str, Any]]]


def quoted(reference: Reference) -> Quoted:
    """Format the claims of another study: the rows of their parts, the primary part first."""
    claims: dict[str, list[Mapping[str, Any]]] = {}
    for row in reference.claims.sort_values("primary", ascending=False, kind="stable").to_dict("records"):
        names = {name: row[name] for name in ("part", "primary", "statement", "verdict", "claim_verdict")}
        low, high = float(row["ci_low"]), float(row["ci_high"])
        claims.setdefault(str(row["claim"]), []).append(
            {
                **{str(name): value for name, value in names.items()},
                "metric": str(row["metric"]).replace("_", " "),
                "effect": number(float(row["effect"])),
                "interval": "" if math.isnan(low) or math.isnan(high) else span(low, high),
                "n": f"{row['n']:,.0f}",
            }
        )
    anchor = "-".join(["study", *re.findall("[a-z0-9]+", reference.study.casefold())])
    return Quoted(reference.study, reference.processor, anchor, claims)


def _in_labels(study: Study, part: ClaimPart, comparison: str) -> str:
    """Replace the keys of variants and environments in a comparison by their labels, and count what families name."""
    families = (one for one in part.sides.values() if isinstance(one, Family))
    comparison = re.sub(
        r"(?<=\[)best of (\d+) candidates",
        lambda found: (
            f"best of {counted(len(next(families).best_of), 'candidate')}, {found[1]} with their learning rates"
        ),
        comparison,
    )
    variants = {str(one["variant"]) for _, _, one in part.selections if "variant" in one} & study.variants.keys()
    # Only at places where comparisons name variants, because a key may be an ordinary word.
    before = "|".join(
        (
            r"^",
            r"(?<=\|)",
            r"(?<=[−/:] )",
            r"(?<=selections, )",
            *(rf"(?<=\b{word} )" for word in ("from", "to", "by", "of")),
        )
    )
    named = re.sub(
        rf"(?:{before})({_one_of(variants)})(?=[ |\]]|$)",
        lambda found: f"“{study.variant_label(found[1], part.experiment)}”",
        comparison,
    )
    environments = rf"(?<=\bin )({_one_of(study.environments)})(?=[,;:]|$)"
    return re.sub(environments, lambda found: study.environment_label(found[1]), named)


def _one_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names)) or "(?!)"


def _p_in_words(p: float, *, is_raw: bool) -> str:
    if math.isnan(p):
        return ""
    return ("< 0.001" if p < 0.001 else number(p)) + (" (raw)" if is_raw else "")
