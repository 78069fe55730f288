"""Questions of readers, with the findings and captions that answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pg.claims.record import Question
from pg.report.cards import Card, Row
from pg.report.pictures import Picture


@dataclass(frozen=True)
class Answers:
    """What answers a question: claims, each with the parts that matter to it, and figures, by their findings."""

    claims: Sequence[tuple[Card, Sequence[Row]]]
    figures: Sequence[Picture]


def answered(
    questions: Mapping[str, Question], cards: Iterable[Card], pictures: Iterable[Picture]
) -> list[tuple[str, Answers]]:
    """Return each question with its answers; without a part of its own, a claim answers by the findings of its card."""
    by_claim, by_figure = {card.name: card for card in cards}, {picture.name: picture for picture in pictures}
    return [
        (one.ask, Answers(_parts(one, by_claim), [by_figure[name] for name in one.figures]))
        for one in questions.values()
    ]


def claims_asked_for(questions: Mapping[str, Question]) -> list[str]:
    """Return the claims that answer questions, in the order of these."""
    return list(dict.fromkeys(named.partition(".")[0] for one in questions.values() for named in one.claims))


def _parts(question: Question, cards: Mapping[str, Card]) -> list[tuple[Card, list[Row]]]:
    found: dict[str, list[Row]] = {}
    for named in question.claims:
        claim, _, part = named.partition(".")
        rows = (one for one in cards[claim].parts if one["part"] == part) if part else cards[claim].findings
        found.setdefault(claim, []).extend(rows)
    return [(cards[claim], rows) for claim, rows in found.items()]
