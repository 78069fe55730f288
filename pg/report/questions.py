"""Questions of readers, with the findings and captions that answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pg.claims.record import Question
from pg.report.cards import Card, Row
from pg.report.pictures import Picture


@dataclass(frozen=True)
class Answer:
    """The finding of a figure; or a claim with parts of it, which `is_whole` if no single part was asked for."""

    picture: Picture | None = None
    card: Card | None = None
    parts: Sequence[Row] = ()
    is_whole: bool = False


def answered(
    questions: Mapping[str, Question], cards: Iterable[Card], pictures: Iterable[Picture]
) -> list[tuple[str, list[Answer]]]:
    """Return each question with its answers, as declared."""
    by_claim, by_figure = {card.name: card for card in cards}, {picture.name: picture for picture in pictures}
    return [(one.ask, [_answer(named, by_claim, by_figure) for named in one.answers]) for one in questions.values()]


def claims_asked_for(questions: Mapping[str, Question]) -> list[str]:
    """Return the claims that answer questions, in the order of these."""
    named = (answer.split(".") for one in questions.values() for answer in one.answers)
    return list(dict.fromkeys(name for kind, name, *_ in named if kind == "claims"))


def _answer(named: str, cards: Mapping[str, Card], pictures: Mapping[str, Picture]) -> Answer:
    kind, name, *part = named.split(".")
    if kind == "figures":
        return Answer(picture=pictures[name])
    card = cards[name]
    parts = [row for row in card.parts if row["part"] in part] if part else card.findings
    return Answer(card=card, parts=parts, is_whole=not part)
