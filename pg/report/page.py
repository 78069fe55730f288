"""Render the report: one HTML page without external resources, in the order of the study's sections."""

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
from pg.report.cards import Card, Row, cards_of, first_cards, holders_of
from pg.report.claims import claim_rows, quoted, verdicts_with_other_seeds
from pg.report.descriptions import coverage_rows, environment_rows, equation_of, experiment_row, metric_rows
from pg.report.pictures import Picture
from pg.report.questions import answered, claims_asked_for
from pg.study.record import Study, declared_section


@dataclass(frozen=True)
class Section:
    """A section of the report: the cards of its claims, and its figures that no card holds.

    `text` is below its heading. Figures that readers can play with are `shown`, the others are `folded`.
    """

    title: str
    text: str
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
    cards = in_sections(study, parts, places)
    holders = holders_of(pictures, cards)
    page = environment.get_template(template.name).render(
        title=study.name,
        authors=study.report.authors,
        introduction=re.split(r"\n\s*\n", study.report.introduction.strip()) if study.report.introduction else [],
        sections=sections_of([one for one in pictures if one.name not in holders], cards, plays, study.report.sections),
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


def in_sections(
    study: Study, parts: Iterable[Row], places: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[Card]:
    """Return the cards of all claims in the order of their sections, from `claim_rows`."""
    declared = [*study.report.sections]
    return sorted(cards_of(study.claims, parts, places), key=lambda card: section_rank(card.section, declared))


def sections_of(
    others: Sequence[Picture], cards: Sequence[Card], plays: Container[str], declared: Mapping[str, str | None]
) -> list[Section]:
    """Return the sections that have a text, a claim or another figure, in the declared order."""
    names = dict.fromkeys((*(name for name in declared if declared[name]), *(one.section for one in (*others, *cards))))
    ordered = sorted(names, key=lambda name: section_rank(name, [*declared]))
    unnamed = "Further claims and figures" if len(names) > 1 else "Claims and figures"
    return [
        Section(
            name or unnamed,
            declared.get(name) or "",
            tuple(card for card in cards if card.section == name),
            tuple(one for one in others if one.section == name and one.name in plays),
            tuple(one for one in others if one.section == name and one.name not in plays),
        )
        for name in ordered
    ]


def alternative(picture: Picture, cards: Sequence[Card]) -> str:
    """Say what a picture shows: the findings of the claims that name it, or else the caption's first sentence."""
    found = [card.findings[0]["measured"] for card in cards if card.figure == picture.name]
    return " ".join(found) or picture.finding


def section_rank(section: str, declared: Sequence[str]) -> tuple[int, bool]:
    """Return the rank of a section: that of the longest declared one which its name begins with.

    Others come last, and at the very end the one without a name.
    """
    found = declared_section(section, declared)
    return len(declared) if found is None else declared.index(found), not section.strip()
