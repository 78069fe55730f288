"""Format the rows of claims.csv for the report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pandas import DataFrame

from pg.claims.record import ClaimPart
from pg.claims.relations.relation import Tested
from pg.experiments.metrics import metrics_of
from pg.plotting.text import number, span
from pg.report.outlook import outlook
from pg.statistics.intervals import LEVEL
from pg.study.record import Study


@dataclass(frozen=True, slots=True)
class Part:
    """A row of claims.csv.

    Attributes
    ----------
    metric, definition
        Label of the metric that is compared, and its definition.
    rows
        Paths of the tables that it was computed from, relative to the page, by experiment.
    level
        Nominal coverage of its interval in per cent; equality is judged by the interval of two one-sided tests.
    coverage
        Measured coverage of such intervals, if it is not the nominal one.
    outlook
        What would decide it, if it is inconclusive.
    effect_value, p_value, n_value
        Values that the table is sorted by.
    """

    claim: str
    part: str
    primary: bool
    statement: str
    section: str
    comparison: str
    metric: str
    definition: str
    figure: str
    rows: dict[str, str]
    verdict: str
    effect: str
    interval: str
    level: int
    coverage: str
    p: str
    n: str
    outlook: str
    effect_value: float
    p_value: float
    n_value: float


def parts_of(study: Study, claims: DataFrame) -> tuple[Part, ...]:
    """Format the rows of claims.csv.

    Parameters
    ----------
    study
        The study that declares the claims.
    claims
        The rows.
    """
    declared = {(claim, name): part for claim, one in study.claims.items() for name, part in one.parts.items()}
    rows = claims.to_dict("records")
    undecided = sum(row["verdict"] == "inconclusive" and _given(row["p_adjusted"]) for row in rows)
    return tuple(_part(study, row, declared.get((str(row["claim"]), str(row["part"]))), undecided) for row in rows)


def _part(study: Study, row: dict[Any, Any], declared: ClaimPart | None, undecided: int) -> Part:
    primary = str(row["primary"]).casefold() in ("true", "1")
    metric = metrics_of(*study.experiments.values())[str(row["metric"])]
    effect, low, high, n = (_value(row[key]) for key in ("effect", "ci_low", "ci_high", "n"))
    return Part(
        claim=str(row["claim"]),
        part=str(row["part"]),
        primary=primary,
        statement=str(row["statement"]),
        section=str(row["section"]),
        comparison=_in_labels(study, declared, str(row["comparison"])),
        metric=metric.label,
        definition=metric.definition,
        figure=str(row["figure"]),
        rows=_tables_of(declared),
        verdict=str(row["verdict"]),
        effect=number(effect),
        interval="" if math.isnan(low) or math.isnan(high) else span(low, high),
        level=_level(declared),
        coverage="" if row.get("coverage") is None or str(row["coverage"]) == "nan" else str(row["coverage"]),
        p=_p_in_words(_value(row["p_value"]), _value(row["p_adjusted"])),
        n="–" if math.isnan(n) else f"{n:,.0f}",
        outlook=(
            outlook(declared, metric, effect, low, high, int(n), undecided if primary else 1)
            if declared is not None and row["verdict"] == "inconclusive"
            else ""
        ),
        effect_value=effect,
        p_value=_value(row["p_adjusted"]) if _given(row["p_adjusted"]) else _value(row["p_value"]),
        n_value=n,
    )


def _in_labels(study: Study, part: ClaimPart | None, comparison: str) -> str:
    """Replace the keys of variants and environments in a comparison by their labels."""
    if part is None:
        return comparison
    variants = {str(one["variant"]) for _, _, one in part.selections if "variant" in one} & study.variants.keys()
    # Only at places where comparisons name variants, because a key may be an ordinary word.
    before = "|".join((r"^", r"(?<=\|)", r"(?<=[−/:] )", *(rf"(?<=\b{word} )" for word in ("from", "to", "by", "of"))))
    named = re.sub(
        rf"(?:{before})({_one_of(variants)})(?=[ |\]]|$)",
        lambda found: f"“{study.variant_label(found[1])}”",
        comparison,
    )
    environments = rf"(?<=\bin )({_one_of(study.environments)})(?=[,;]|$)"
    return re.sub(environments, lambda found: study.environment_label(found[1]), named)


def _level(part: ClaimPart | None) -> int:
    relation = None if part is None else part.decision
    return round(100 * (relation.level if isinstance(relation, Tested) else LEVEL))


def _one_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names)) or "(?!)"


def _tables_of(part: ClaimPart | None) -> dict[str, str]:
    if part is None:
        return {}
    return {name: f"tables/{name}.csv" for name in dict.fromkeys(part.experiments.values())}


def _given(cell: object) -> bool:
    return not math.isnan(_value(cell))


def _value(cell: object) -> float:
    """Read a number of claims.csv; an empty field is NaN."""
    text = str(cell)
    return math.nan if text in ("", "None", "<NA>") else float(text)


def _p_in_words(raw: float, adjusted: float) -> str:
    p = raw if math.isnan(adjusted) else adjusted
    if math.isnan(p):
        return ""
    kind = " (raw)" if math.isnan(adjusted) else ""
    return ("< 0.001" if p < 0.001 else number(p)) + kind
