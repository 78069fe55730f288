"""Render the report: one HTML page without external resources, in the order of the lecture."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from pandas import DataFrame

from pg.experiments.figures.lookup import kind_of, tables_of
from pg.plotting.record import Figure
from pg.report.descriptions import coverage_rows, environment_rows, experiment_row, variant_rows
from pg.report.parts import Part, parts_of
from pg.report.tuning_checks import TunedRate
from pg.study.record import Study

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
"""The sections of the lecture in order. A section of a study is ranked by the longest of these that starts its name."""

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
    width
        Its width, as declared.
    links
        Paths relative to the page, by the text of the link.
    """

    name: str
    png: bytes
    caption: str
    width: str
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """The content of the page.

    Attributes
    ----------
    study
        The study.
    figures
        The declared figures, drawn.
    claims
        The rows of `claims.csv`.
    tuned
        The chosen learning rates with remarks.
    provenance
        Versions, digest of the configuration, wall time, by name. Only this differs between two equal runs.
    template
        The template of the page; it includes files of its folder.
    """

    study: Study
    figures: tuple[ReportFigure, ...]
    claims: DataFrame
    tuned: tuple[TunedRate, ...]
    provenance: Mapping[str, str]
    template: Path


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    anchor: str
    figures: tuple[ReportFigure, ...]
    claims: tuple[Part, ...]


def read_figures(study: Study, pictures: Sequence[str], captions: Sequence[str]) -> tuple[ReportFigure, ...]:
    """Read the pictures and captions of the study's figures, given in declared order."""
    return tuple(
        ReportFigure(
            name=name,
            png=Path(picture).read_bytes(),
            caption=Path(caption).read_text(encoding="utf-8").strip(),
            width=figure.width,
            links=_links(study, name, figure),
        )
        for (name, figure), picture, caption in zip(study.figures.items(), pictures, captions, strict=True)
    )


def _links(study: Study, name: str, figure: Figure) -> dict[str, str]:
    """Return the paths of a figure's files and tables, relative to the page."""
    kind = kind_of(figure, study.experiments[figure.experiment])
    links = {figure.format.upper(): f"figures/{name}.{figure.format}", "PNG": f"figures/{name}.png"}
    links |= {_WORDS.get(table, table): path for table, path in tables_of(figure, kind).items()}
    if "tuned" in kind.tables:
        links["scores of tuning"] = f"tuned/{figure.experiment}/"
    return links


_WORDS = {"long": "every seed", "summary": "intervals", "across": "statistics across environments"}


def render(report: Report) -> str:
    """Render the report as one HTML page with its pictures, styles and script.

    All text of a study is escaped. The only markup that is not from the template is MathML, made from equations that
    contain no text of the study.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(report.template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = parts_of(report.study, report.claims)
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
        coverage=coverage_rows(),
        provenance=report.provenance,
        data_uri=_data_uri,
    )


def section_rank(section: str) -> int:
    """Return the rank of a section in the lecture; sections that are not of the lecture come last."""
    named = section.strip().casefold()
    fitting = [title for title in LECTURE_SECTIONS if named.startswith(title.casefold())]
    return LECTURE_SECTIONS.index(max(fitting, key=len)) if fitting else len(LECTURE_SECTIONS)


def _sections(report: Report, parts: tuple[Part, ...]) -> tuple[_Section, ...]:
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


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
