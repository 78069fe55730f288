"""Which claims the page shows first, and which card holds a figure."""

from __future__ import annotations

import pytest
from pg.report.cards import Card, _findings, first_cards, holders_of
from pg.report.pictures import Picture
from pg.study.record import Study


def card(name: str, verdict: str, section: str, tests: int = 1, figure: str = "") -> Card:
    parts = tuple({"part": str(place)} for place in range(tests))
    return Card(name, name, section, verdict, parts[:1], parts, (), figure, {})


def chosen(*cards: Card) -> list[str]:
    return [one.name for one in first_cards(cards)]


def test_claims_that_fail_hold_or_are_undecided_take_turns_and_five_are_shown() -> None:
    many = [
        card(f"{verdict} {place}", verdict, f"{verdict} {place}")
        for verdict in ("supported", "undecided", "refuted")
        for place in range(3)
    ]

    assert chosen(*many) == ["refuted 0", "refuted 1", "supported 0", "supported 1", "undecided 0"]


def test_a_mixed_claim_fails_and_one_that_was_not_tested_is_not_shown() -> None:
    found = chosen(card("a", "supported", "1"), card("b", "mixed", "2"), card("c", "not tested", "3"))

    assert found == ["b", "a"]


def test_a_section_that_is_not_shown_comes_first_and_then_the_claim_with_the_most_tests() -> None:
    found = chosen(
        card("a", "supported", "1", tests=2),
        card("b", "supported", "1", tests=9),
        card("c", "refuted", "2", tests=3),
        card("d", "refuted", "2", tests=4),
        card("e", "refuted", "3", tests=1),
        card("f", "undecided", "1", tests=7),
    )

    assert found == ["d", "e", "b", "a", "f"]


def test_a_refuted_claim_comes_before_a_mixed_one_with_more_tests() -> None:
    assert chosen(card("a", "mixed", "1", tests=9), card("b", "refuted", "2")) == ["b", "a"]


def test_claims_that_answer_questions_come_first_in_their_order_unless_their_section_is_shown() -> None:
    cards = [
        card("a", "refuted", "1", tests=9),
        card("b", "mixed", "2"),
        card("c", "refuted", "2", tests=3),
        *(card(f"{at}", "supported", "3") for at in range(5)),
    ]
    assert [one.name for one in first_cards(cards, ["unknown", "b", "4", "2"])] == ["b", "a", "c", "4", "2"]


def test_a_figure_is_in_the_first_card_that_names_it_if_possible_of_its_section() -> None:
    figures = [Picture(name, "2", "one_column", b"", [], {}) for name in ("shared", "other", "unnamed")]
    cards = [
        card("a", "supported", "1", figure="shared"),
        card("b", "supported", "2", figure="shared"),
        card("c", "supported", "1", figure="other"),
        card("d", "supported", "3", figure="other"),
    ]

    assert holders_of(figures, cards) == {"shared": "b", "other": "c"}


@pytest.mark.parametrize(
    ("primary", "told"),
    [("supported", ["a", "c"]), ("refuted", ["a", "b"]), ("undecided", ["a", "b"]), ("mixed", ["a"])],
)
def test_the_first_part_that_contradicts_the_primary_one_is_told(study: Study, primary: str, told: list[str]) -> None:
    claim = study.claims["causality"].model_copy(update={"primary": "a", "headline": None})
    verdicts = {"a": primary, "b": "supported", "c": "refuted", "d": "refuted", "e": "supported"}
    found = _findings(claim, [{"part": part, "verdict": verdict} for part, verdict in verdicts.items()])
    assert [part["part"] for part in found] == told


@pytest.mark.parametrize(
    ("claim", "overruled"),
    [("supported", ["refuted", "mixed"]), ("refuted", ["supported", "mixed"]), ("undecided", []), ("mixed", [])],
)
def test_a_part_that_contradicts_its_decided_claim_is_overruled(claim: str, overruled: list[str]) -> None:
    verdicts = ("supported", "refuted", "mixed", "undecided", "not tested")
    found = [verdict for verdict in verdicts if card("a", claim, "1").is_overruled({"verdict": verdict})]
    assert sorted(found) == sorted(overruled)
