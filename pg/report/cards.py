"""A card per claim: its findings, equations, figure and declaration; and the claims that the page shows first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from pg.claims.judge import OPPOSITE
from pg.claims.record import Claim, Family
from pg.report.pictures import Picture

MOST_FINDINGS = 5
_MOST_EQUATIONS = 4
_TURNS = (("refuted", "mixed"), ("supported",), ("undecided",))
_DECIDED = ("supported", "refuted", "mixed")

Row = Mapping[str, Any]
"""A part of a claim, from `claim_rows`."""


@dataclass(frozen=True)
class Card:
    """A claim as the page shows it.

    Attributes
    ----------
    name, statement, section, verdict
        Of the claim.
    findings
        The parts whose findings the card shows: the headline, the primary part, and the first that contradicts it, or
        the first that is decided if it is undecided.
    parts
        All parts.
    variants
        Those that these findings are about.
    figure
        Name of its figure.
    places
        Where it and its experiments are declared, by what is declared.
    """

    name: str
    statement: str
    section: str
    verdict: str
    findings: tuple[Row, ...]
    parts: tuple[Row, ...]
    variants: tuple[str, ...]
    figure: str
    places: Mapping[str, Sequence[str]]

    def is_overruled(self, part: Row) -> bool:
        """Return whether a part contradicts the claim by itself, but not after correction for the number of parts."""
        return self.verdict in OPPOSITE and part["verdict"] in ("mixed", OPPOSITE[self.verdict])

    @property
    def environments(self) -> list[str]:
        """The environments of all parts."""
        return list(dict.fromkeys(one for part in self.parts for one in part["environments"]))

    @property
    def stages(self) -> list[str]:
        """The stages of all parts."""
        return list(dict.fromkeys(one for part in self.parts for one in part["stages"]))


def cards_of(claims: Mapping[str, Claim], rows: Iterable[Row], places: Mapping[str, Sequence[str]]) -> list[Card]:
    """Return a card per claim from the rows of its parts, in the order of the rows."""
    of_claim: dict[str, list[Row]] = {}
    for row in rows:
        of_claim.setdefault(row["claim"], []).append(row)
    return [_card(claims[name], parts, places) for name, parts in of_claim.items()]


def _card(claim: Claim, parts: Sequence[Row], places: Mapping[str, Sequence[str]]) -> Card:
    findings, first = _findings(claim, parts), parts[0]
    experiments = dict.fromkeys(name for part in parts for name in part["rows"])
    declared = [f"claims.{first['claim']}", *(f"experiments.{name}" for name in experiments)]
    return Card(
        name=first["claim"],
        statement=first["statement"],
        section=claim.section,
        verdict=first["claim_verdict"],
        findings=findings,
        parts=tuple(parts),
        variants=_variants(claim, findings),
        figure=first["figure"],
        places={name: places[name] for name in declared if name in places},
    )


def _findings(claim: Claim, parts: Sequence[Row]) -> tuple[Row, ...]:
    by_name = {part["part"]: part for part in parts}
    primary = by_name[claim.primary]
    told = {claim.headline or claim.primary: None, claim.primary: None}
    against = _DECIDED if primary["verdict"] == "undecided" else ("mixed", OPPOSITE.get(primary["verdict"]))
    others = [part["part"] for part in parts if part["verdict"] in against]
    if not told.keys() & set(others):
        told |= dict.fromkeys(others[:1])
    return tuple(by_name[name] for name in told)


def _variants(claim: Claim, findings: Sequence[Row]) -> tuple[str, ...]:
    sides = [side for part in findings for side in claim.parts[part["part"]].sides.values()]
    selections = [one for side in sides for one in (side.best_of if isinstance(side, Family) else [side])]
    return tuple(dict.fromkeys(one["variant"] for one in selections if "variant" in one))[:_MOST_EQUATIONS]


def first_cards(cards: Sequence[Card], asked: Sequence[str] = ()) -> list[Card]:
    """Choose the claims that the page shows first; those that fail come before those that hold and the undecided.

    In turn one that fails, one that holds and one that is undecided. Among these, a claim of a section that is not
    shown yet comes first; then the first of those `asked` for, by the study's questions; then a refuted before a mixed
    one, the one with the most parts, and the earliest.
    """
    chosen: list[Card] = []
    left = [card for card in cards if _turn(card) is not None]
    for turn in cycle(range(len(_TURNS))):
        if not left or len(chosen) == MOST_FINDINGS:
            break
        if fitting := [card for card in left if _turn(card) == turn]:
            shown = {card.section for card in chosen}
            chosen.append(min(fitting, key=lambda card: (card.section in shown, *_rank(card, asked))))
            left.remove(chosen[-1])
    return sorted(chosen, key=lambda card: _turn(card) or 0)


def _rank(card: Card, asked: Sequence[str]) -> tuple[int, bool, int]:
    asked_at = asked.index(card.name) if card.name in asked else len(asked)
    return asked_at, card.verdict == "mixed", -len(card.parts)


def _turn(card: Card) -> int | None:
    return next((turn for turn, verdicts in enumerate(_TURNS) if card.verdict in verdicts), None)


def holders_of(pictures: Iterable[Picture], cards: Sequence[Card]) -> dict[str, str]:
    """Return the claim whose card holds a figure, by figure: the first that names it, if possible of its section."""
    holders: dict[str, str] = {}
    for picture in pictures:
        naming = [card for card in cards if card.figure == picture.name]
        if naming:
            holders[picture.name] = min(naming, key=lambda card: card.section != picture.section).name
    return holders
