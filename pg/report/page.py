"""Render the report: one HTML page without external resources, in the order of the lecture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2
from pandas import DataFrame

from pg.claims.judge import VERDICTS
from pg.claims.verification import Reference
from pg.report import play
from pg.report.cards import Card, cards_of, first_cards, holders_of
from pg.report.claims import claim_rows, quoted, verdicts_with_other_seeds
from pg.report.descriptions import coverage_rows, environment_rows, equation_of, experiment_row, metric_rows
from pg.report.pictures import Picture
from pg.report.questions import answered, claims_asked_for
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


@dataclass(frozen=True)
class Section:
    """A section of the lecture: the cards of its claims, and its figures that no card holds.

    Those that readers can play with are `shown`, the others are `folded`.
    """

    title: str
    cards: tuple[Card, ...]
    shown: tuple[Picture, ...]
    folded: tuple[Picture, ...]


def render(
    study: Study,
    pictures: Sequence[Picture],
    claims: DataFrame,
    tuned: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, str],
    template: Path,
    replication: DataFrame | None = None,
    others: Iterable[Reference] = (),
    places: Mapping[str, Sequence[str]] = MappingProxyType({}),
    plays: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """Render the report as one HTML page with its pictures, styles and script.

    All text of a study is escaped. The only markup that is not from the template is MathML, made from equations that
    contain no text of the study.

    Parameters
    ----------
    study
        The study.
    pictures, tuned
        From `pictures_of` and `tuned_rows`.
    claims
        The rows of `claims.csv`.
    provenance
        Versions, digest of the configuration, wall time, by name. Only this differs between two equal runs.
    template
        The template of the page; it includes files of its folder.
    replication
        Comparisons with other seeds, from `pg.claims.verification.replication`; None if there are none.
    others
        References of other studies: cards quote what they found on a claim of the same name, the details list all.
    places
        Where study files declare claims and experiments, from `pg.study.files.declared_in`.
    plays
        What readers can do with figures, by figure, from `pg.report.play.read`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = claim_rows(study, claims)
    compared = [] if replication is None else replication.fillna("").to_dict("records")
    cards = sorted(cards_of(study.claims, parts, places), key=lambda card: section_rank(card.section))
    holders = holders_of(pictures, cards)
    page = environment.get_template(template.name).render(
        title=study.name,
        sections=sections_of([one for one in pictures if one.name not in holders], cards, plays),
        first=first_cards(cards, claims_asked_for(study.questions)),
        questions=answered(study.questions, cards, pictures),
        pictures={picture.name: picture for picture in pictures},
        alternatives={picture.name: alternative(picture, cards) for picture in pictures},
        holders=holders,
        cards=cards,
        parts=parts,
        verdicts=VERDICTS,
        counts=Counter(card.verdict for card in cards),
        metrics=metric_rows(study, parts),
        experiments=[experiment_row(study, name, one) for name, one in study.experiments.items()],
        environments=environment_rows(study),
        equations={name: equation_of(study, name) for name in study.variants},
        # Each equation is on the page once: in the first card about its variant, or at the end.
        homes={name: card.name for card in reversed(cards) for name in card.variants},
        variants=study.variants,
        tuned=tuned,
        coverage=coverage_rows(),
        replication=compared,
        repetitions=[row for row in compared if row["first"] == study.name],
        others=[quoted(one) for one in others],
        repeated=verdicts_with_other_seeds(compared, study.name),
        provenance=provenance,
        plays=plays,
        play_titles=play.by_title(plays),
        play_library=play.library() if plays else "",
    )
    # Indentation is for readers of the template.
    return re.sub(r"\n +", "\n", page)


def sections_of(others: Sequence[Picture], cards: Sequence[Card], plays: Container[str]) -> list[Section]:
    """Return the sections of the lecture that have a claim or another figure, in the lecture's order."""
    titles = sorted(dict.fromkeys(one.section for one in (*others, *cards)), key=section_rank)
    return [
        Section(
            title,
            tuple(card for card in cards if card.section == title),
            tuple(one for one in others if one.section == title and one.name in plays),
            tuple(one for one in others if one.section == title and one.name not in plays),
        )
        for title in titles
    ]


def alternative(picture: Picture, cards: Sequence[Card]) -> str:
    """Say what a picture shows: the findings of the claims that name it, or else the caption's first sentence."""
    found = [card.findings[0]["measured"] for card in cards if card.figure == picture.name]
    return " ".join(found) or picture.finding


def section_rank(section: str) -> int:
    """Return the rank of a section in the lecture; sections that are not of the lecture come last."""
    named = section.strip().casefold()
    fitting = [title for title in LECTURE_SECTIONS if named.startswith(title.casefold())]
    return LECTURE_SECTIONS.index(max(fitting, key=len)) if fitting else len(LECTURE_SECTIONS)
