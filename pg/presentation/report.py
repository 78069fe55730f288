"""The report: one page that opens without a network, in the order of the lecture."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from pandas import DataFrame

from pg.presentation.captions import number, span
from pg.presentation.descriptions import environment_rows, experiment_row, variant_rows
from pg.study.expansion import cells, is_tuned
from pg.study.model import ClaimPart, Study, TrainExperiment

LECTURE_SECTIONS = (
    "Recap",
    "Imitation recap",
    "Online RL outline",
    "Evaluating the RL objective",
    "Can we get the gradient",
    "Estimating the gradient",
    "What does the gradient mean",
    "Intuition",
    "Humanoid example",
    "Using causality",
    "What does the gradient do",
    "Introducing baselines",
    "Baseline edition",
    "How to implement",
    "Summary",
    "What else is troublesome",
    "Importance sampling",
    "Off-policy version",
    "Off-policy policy gradient",
    "KL constraint",
    "Review",
    "Next time",
)
"""The lecture's sections in its order; a section of a study belongs where the longest of these begins its name."""

_VERDICTS = ("supported", "refuted", "inconclusive")


@dataclass(frozen=True, slots=True)
class ReportFigure:
    """A figure as the report shows it.

    Attributes
    ----------
    name
        Its name in the study.
    png
        The picture.
    caption
        Plain text.
    links
        What the caption links to, by name ("PDF", "table"): paths relative to the page.
    """

    name: str
    png: bytes
    caption: str
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TunedRate:
    """A learning rate that tuning chose, and whether it lies at an edge of the grid."""

    experiment: str
    environment: str
    variant: str
    learning_rate: float
    at_edge: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows.

    Attributes
    ----------
    study
        What was run.
    figures
        The declared figures, drawn.
    claims
        The rows of `claims.csv`.
    tuned
        Chosen learning rates, by experiment, names of environment and variant (with their level, where one is swept).
    provenance
        Versions, digest of the configuration, wall time, by name. Only this block may differ between two equal runs.
    template
        The page's template; what it includes lies beside it.
    """

    study: Study
    figures: tuple[ReportFigure, ...]
    claims: DataFrame
    tuned: tuple[TunedRate, ...]
    provenance: Mapping[str, str]
    template: Path


@dataclass(frozen=True, slots=True)
class _Part:
    """A row of claims.csv, each number both as it reads and as it sorts."""

    claim: str
    part: str
    primary: bool
    statement: str
    section: str
    comparison: str
    figure: str
    rows: str
    verdict: str
    effect: str
    interval: str
    level: int
    p: str
    n: str
    effect_value: float
    p_value: float
    n_value: float


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    anchor: str
    figures: tuple[ReportFigure, ...]
    claims: tuple[_Part, ...]


def read_figures(study: Study, pictures: Sequence[str], captions: Sequence[str]) -> tuple[ReportFigure, ...]:
    """Read the study's figures and captions, each list in the order in which the study declares the figures."""
    return tuple(
        ReportFigure(
            name=name,
            png=Path(picture).read_bytes(),
            caption=Path(caption).read_text(encoding="utf-8").strip(),
            links={"PDF": f"figures/{name}.pdf", "data": f"tables/{figure.experiment}.csv"},
        )
        for (name, figure), picture, caption in zip(study.figures.items(), pictures, captions, strict=True)
    )


def read_tuned(study: Study, choices: Sequence[Mapping[str, Any]]) -> tuple[TunedRate, ...]:
    """Name the tuning records of a study, which come in the order of experiments and cells."""
    tuned = [
        cell
        for name, experiment in study.experiments.items()
        if isinstance(experiment, TrainExperiment)
        for cell in cells(study, name)
        if is_tuned(cell)
    ]
    return tuple(
        TunedRate(cell.experiment, cell.environment_id, cell.variant_id, choice["learning_rate"], choice["at_edge"])
        for cell, choice in zip(tuned, choices, strict=True)
    )


def render(report: Report) -> str:
    """Write the report as one HTML page that holds its pictures, styles and script.

    Whatever a study says is escaped; the only markup that is not the template's own is MathML, made from equations
    that hold no words of the study.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(report.template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = _parts(report)
    return environment.get_template(report.template.name).render(
        title=report.study.name,
        experiments=[experiment_row(report.study, name, one) for name, one in report.study.experiments.items()],
        environments=environment_rows(report.study),
        sections=_sections(report, parts),
        parts=parts,
        verdicts=_VERDICTS,
        counts=Counter(part.verdict for part in parts if part.primary),
        variants=variant_rows(report.study),
        tuned=report.tuned,
        provenance=report.provenance,
        data_uri=_data_uri,
    )


def section_rank(section: str) -> int:
    """Tell where in the lecture a section stands; sections that are not the lecture's come last."""
    named = section.strip().casefold()
    fitting = [title for title in LECTURE_SECTIONS if named.startswith(title.casefold())]
    return LECTURE_SECTIONS.index(max(fitting, key=len)) if fitting else len(LECTURE_SECTIONS)


def _sections(report: Report, parts: tuple[_Part, ...]) -> tuple[_Section, ...]:
    section_of = {name: figure.section for name, figure in report.study.figures.items()}
    titles = dict.fromkeys([*(section_of[figure.name] for figure in report.figures), *(part.section for part in parts)])
    return tuple(
        _Section(
            title=title,
            anchor=f"section-{place}",
            figures=tuple(figure for figure in report.figures if section_of[figure.name] == title),
            claims=tuple(part for part in parts if part.section == title and part.primary),
        )
        for place, title in enumerate(sorted(titles, key=section_rank), start=1)
    )


def _parts(report: Report) -> tuple[_Part, ...]:
    declared = {(claim, name): part for claim, one in report.study.claims.items() for name, part in one.parts.items()}
    return tuple(
        _Part(
            claim=str(row["claim"]),
            part=str(row["part"]),
            primary=str(row["primary"]).casefold() in ("true", "1"),
            statement=str(row["statement"]),
            section=str(row["section"]),
            comparison=str(row["comparison"]),
            figure=str(row["figure"]),
            rows=_rows_behind(declared.get((str(row["claim"]), str(row["part"])))),
            verdict=str(row["verdict"]),
            effect=number(_value(row["effect"])),
            interval=_interval(_value(row["ci_low"]), _value(row["ci_high"])),
            level=_level(declared.get((str(row["claim"]), str(row["part"])))),
            p=_p_in_words(_value(row["p_value"]), _value(row["p_adjusted"])),
            n="–" if math.isnan(_value(row["n"])) else f"{_value(row['n']):,.0f}",
            effect_value=_value(row["effect"]),
            p_value=_value(row["p_adjusted"]) if _given(row["p_adjusted"]) else _value(row["p_value"]),
            n_value=_value(row["n"]),
        )
        for row in report.claims.to_dict("records")
    )


def _rows_behind(part: ClaimPart | None) -> str:
    return "" if part is None else f"tables/{part.experiment}.csv"


def _level(part: ClaimPart | None) -> int:
    """Return what an interval covers, in per cent: equality is judged by the interval of two one-sided tests."""
    return 90 if part is not None and part.relation == "equal" else 95


def _given(cell: object) -> bool:
    return not math.isnan(_value(cell))


def _value(cell: object) -> float:
    """Read a number of claims.csv; an empty field is none."""
    text = str(cell)
    return math.nan if text in ("", "None", "<NA>") else float(text)


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else span(low, high)


def _p_in_words(raw: float, adjusted: float) -> str:
    p = raw if math.isnan(adjusted) else adjusted
    if math.isnan(p):
        return ""
    kind = " (raw)" if math.isnan(adjusted) else ""
    return ("< 0.001" if p < 0.001 else number(p)) + kind


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
