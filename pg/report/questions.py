"""Questions of readers, with the findings and captions that answer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pg.claims.record import Question
from pg.report.cards import Card, Row
from pg.report.pictures import Picture


@dataclass(frozen=True)
class Answer:
    """The finding of a figure; or a claim with the parts that were asked for."""

    picture: Picture | None = None
    card: Card | None = None
    parts: Sequence[Row] = ()


def answered(
    questions: Mapping[str, Question], cards: Iterable[Card], pictures: Iterable[Picture]
) -> list[tuple[str, list[Answer]]]:
    """Return each question with its answers, as declared; parts of a claim that follow each other are one answer."""
    by_claim, by_figure = {card.name: card for card in cards}, {picture.name: picture for picture in pictures}
    return [(one.ask, list(_answers(one, by_claim, by_figure))) for one in questions.values()]


def claims_asked_for(questions: Mapping[str, Question]) -> list[str]:
    """Return the claims that answer questions, in the order of these."""
    named = (answer.split(".") for one in questions.values() for answer in one.answers)
    return list(dict.fromkeys(name for kind, name, *_ in named if kind == "claims"))


def _answers(question: Question, cards: Mapping[str, Card], pictures: Mapping[str, Picture]) -> Iterator[Answer]:
    for (kind, name), group in groupby((one.split(".") for one in question.answers), key=lambda words: words[:2]):
        if kind == "figures":
            yield Answer(picture=pictures[name])
        else:
            card = cards[name]
            # A part that the card tells anyway is told once.
            parts = {row["part"]: row for _, _, *part in group for row in _asked(card, part)}
            yield Answer(card=card, parts=list(parts.values()))


def _asked(card: Card, part: Sequence[str]) -> Sequence[Row]:
    """Return the part that was asked for, or what the card tells if none was named."""
    return [row for row in card.parts if row["part"] in part] if part else card.findings
