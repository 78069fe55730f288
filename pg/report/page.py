"""Render the report: one HTML page without external resources, in the order of the lecture."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from pandas import DataFrame

from pg.claims.judge import VERDICTS
from pg.experiments.figures.lookup import kind_of, tables_of
from pg.report.claims import claim_rows
from pg.report.descriptions import coverage_rows, environment_rows, experiment_row, variant_rows
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

_WORDS = {
    "long": "every seed",
    "summary": "intervals",
    "means": "mean curves",
    "tuned": "scores of tuning",
    "across": "statistics across environments",
}


def figure_rows(study: Study, pictures: Sequence[str], captions: Sequence[str]) -> list[dict[str, Any]]:
    """Describe the figures: picture and caption, from files given in declared order, and links relative to the page."""
    rows = []
    for (name, figure), picture, caption in zip(study.figures.items(), pictures, captions, strict=True):
        kind = kind_of(figure, study.experiments[figure.experiment])
        links = {figure.format.upper(): f"figures/{name}.{figure.format}", "PNG": f"figures/{name}.png"}
        links |= {_WORDS.get(table, table): path for table, path in tables_of(figure, kind).items()}
        encoded = base64.b64encode(Path(picture).read_bytes()).decode("ascii")
        rows.append(
            {
                "name": name,
                "section": figure.section,
                "width": figure.width,
                "png": f"data:image/png;base64,{encoded}",
                "caption": Path(caption).read_text(encoding="utf-8").strip(),
                "links": links,
            }
        )
    return rows


def render(
    study: Study,
    figures: Sequence[Mapping[str, Any]],
    claims: DataFrame,
    tuned: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, str],
    template: Path,
    replication: DataFrame | None = None,
) -> str:
    """Render the report as one HTML page with its pictures, styles and script.

    All text of a study is escaped. The only markup that is not from the template is MathML, made from equations that
    contain no text of the study.

    Parameters
    ----------
    study
        The study.
    figures, tuned
        From `figure_rows` and `tuned_rows`.
    claims
        The rows of `claims.csv`.
    provenance
        Versions, digest of the configuration, wall time, by name. Only this differs between two equal runs.
    template
        The template of the page; it includes files of its folder.
    replication
        Comparisons with other seeds, from `pg.claims.verification.replication`; None if there are none.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = claim_rows(study, claims)
    sections = sorted(dict.fromkeys(one["section"] for one in (*figures, *parts)), key=section_rank)
    return environment.get_template(template.name).render(
        title=study.name,
        experiments=[experiment_row(study, name, one) for name, one in study.experiments.items()],
        environments=environment_rows(study),
        sections=sections,
        figures=figures,
        parts=parts,
        verdicts=VERDICTS,
        counts=Counter(part["claim_verdict"] for part in parts if part["primary"]),
        variants=variant_rows(study),
        tuned=tuned,
        coverage=coverage_rows(),
        replication=[] if replication is None else replication.fillna("").to_dict("records"),
        provenance=provenance,
    )


def section_rank(section: str) -> int:
    """Return the rank of a section in the lecture; sections that are not of the lecture come last."""
    named = section.strip().casefold()
    fitting = [title for title in LECTURE_SECTIONS if named.startswith(title.casefold())]
    return LECTURE_SECTIONS.index(max(fitting, key=len)) if fitting else len(LECTURE_SECTIONS)
