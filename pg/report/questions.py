"""Questions of readers, with the findings and captions that answer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pg.claims.record import Question
from pg.report.cards import Card
from pg.report.pictures import Picture


@dataclass(frozen=True)
class Answer:
    """A sentence, where the page says more, and if it is the finding of a claim, the verdict and the claim."""

    sentence: str
    place: str
    verdict: str = ""
    claim: str = ""


def answered(
    questions: Mapping[str, Question], cards: Iterable[Card], pictures: Iterable[Picture]
) -> list[tuple[str, list[Answer]]]:
    """Return each question with its answers, those of claims first."""
    by_claim, by_figure = {card.name: card for card in cards}, {picture.name: picture for picture in pictures}
    return [(one.ask, [*_findings(one, by_claim), *_captions(one, by_figure)]) for one in questions.values()]


def claims_asked_for(questions: Mapping[str, Question]) -> list[str]:
    """Return the claims that answer questions, in the order of these."""
    return list(dict.fromkeys(named.partition(".")[0] for one in questions.values() for named in one.claims))


def _findings(question: Question, cards: Mapping[str, Card]) -> Iterator[Answer]:
    for named in question.claims:
        claim, _, part = named.partition(".")
        card = cards[claim]
        for row in (one for one in card.parts if one["part"] == part) if part else card.findings:
            yield Answer(row["finding"], f"claim-{claim}", row["verdict"], claim)


def _captions(question: Question, pictures: Mapping[str, Picture]) -> Iterator[Answer]:
    for name in question.figures:
        yield Answer(pictures[name].finding, f"figure-{name}")
