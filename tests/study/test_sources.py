"""Where the policies of a measurement come from."""

from typing import Any

from pg.study.sources import selections_of
from pg.study.validation import load


def test_policies_of_a_tuned_learner_share_selections_after_the_first_update(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["tuning"]["selections"] = 3
    assert selections_of(load(options), "gradients") == {"initial": 1, "late": 3}


def test_other_policies_share_no_selection(options: dict[str, Any]) -> None:
    options["experiments"]["learn"]["tuning"]["selections"] = 1
    assert selections_of(load(options), "gradients") == {"initial": 1, "late": 1}
    assert selections_of(load(options), "exact") == {}
    options["variants"]["total"]["optimizer"] = {"learning_rate": 0.1}
    del options["experiments"]["learn"]["tuning"]
    assert selections_of(load(options), "gradients") == {"initial": 1, "late": 1}
