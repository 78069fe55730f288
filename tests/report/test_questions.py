"""Questions are answered by the findings of claims and the first sentences of captions."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

from pg.claims.record import Question
from pg.study.record import Study
from tests.report.test_page import between, card

ASKED = {
    "least": Question(ask="Is <less> better?", claims=("causality", "large_batches.steps"), figures=("variance",)),
    "other": Question(ask="And this?", figures=("learning_curves",)),
}


def test_a_question_is_answered_from_its_claims_and_figures(make_page: Callable[..., str], study: Study) -> None:
    page = make_page(study=study.model_copy(update={"questions": ASKED}))
    shown = between(page, '<section id="questions"', "</section>")
    first, second, trusted = shown.split("<summary>")[1:]
    assert first.startswith("Is &lt;less&gt; better?</summary>")
    assert first.count("<li>") == 4, "both findings of the card, the named part, and the caption"
    assert "mixed: </span>" in first
    assert "undecided: </span>" in first
    for sentence in unescape(first).split("</span>")[1:3]:
        assert sentence.split("<a")[0].strip() in unescape(card(page, "causality"))
    assert "Caption of variance." in first
    assert second.count("<li>") == 1
    assert 'href="#figure-learning_curves"' in second
    assert trusted.startswith("How far can these numbers be trusted?")


def test_a_study_without_questions_has_no_section_for_them(make_page: Callable[..., str]) -> None:
    assert "questions" not in between(make_page(), "<main>", "</main>")
