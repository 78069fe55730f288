"""Questions are answered by the findings of claims and the first sentences of captions."""

from __future__ import annotations

import re
from collections.abc import Callable

from pg.claims.record import Question
from pg.study.record import Study
from tests.report.test_page import between, card

ASKED = {
    "least": Question(
        ask="Is <less> better?",
        answers=("figures.variance", "claims.causality", "claims.causality.bias", "claims.large_batches.steps"),
    ),
    "other": Question(ask="And this?", answers=("figures.learning_curves",)),
}


def test_a_question_is_answered_from_its_claims_and_figures(make_page: Callable[..., str], study: Study) -> None:
    page = make_page(study=study.model_copy(update={"questions": ASKED}))
    shown = between(page, '<section id="questions"', "</section>")
    trusted, first, second = shown.split("<summary>")[1:]
    assert first.startswith("Is &lt;less&gt; better?</summary>")
    assert first.count("<li>") == 3, "two claims and the caption"
    assert first.count('class="finding"') == 3, "both findings of a card, and the named part of the other claim"
    assert first.count('class="badge mixed"') == 1
    assert first.count('class="badge undecided"') == 1, "a part answers with its claim"
    told = re.findall(r'<p class="finding">(.*?)(?:<a|</p>)', first, re.DOTALL)
    *both, steps = (sentence.rpartition(">")[2].strip() for sentence in told)
    assert both[0]
    assert [sentence in card(page, "causality") for sentence in both] == [True, True]
    assert steps
    assert steps in card(page, "large_batches")
    assert first.index("Caption of variance.") < first.index("Reward-to-go lowers"), "in the declared order"
    assert second.count("<li>") == 1
    assert 'href="#figure-learning_curves"' in second
    assert trusted.startswith("How far can these numbers be trusted, and would")


def test_a_study_without_questions_has_no_section_for_them(make_page: Callable[..., str]) -> None:
    assert "questions" not in between(make_page(), "<main>", "</main>")
