"""Verdicts of a whole study: a claim planted as false is refuted, one with too few seeds is not decided."""

import copy
from typing import Any

import pandas as pd
import pytest
from tests.workflow.checkout import STUDY, Checkout, checkout

LOWERS = {
    "experiment": "enumerated",
    "metric": "total_variance",
    "a": {"variant": "to_go"},
    "b": {"variant": "total"},
    "relation": "less",
}


def claim(statement: str, **part: Any) -> dict[str, Any]:
    return {
        "statement": statement,
        "section": "Using causality",
        "primary": "exact",
        "figure": "variances",
        "parts": {"exact": LOWERS | part},
    }


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A study of exact variances, of ten random policies and of two, with a claim that holds and its opposite."""
    study = copy.deepcopy(STUDY)
    enumerated = {
        "kind": "exact",
        "environments": ["random"],
        "variants": ["total", "to_go"],
        "sweep": {"variant.batch": [2], "variant.policy.hidden": [[]]},
    }
    kwargs = {"states": 2, "actions": 2, "seed": 1}
    study["environments"]["random"] = {"id": "pg/Random-v0", "kwargs": kwargs, "horizon": 3}
    study["experiments"] = {
        "enumerated": enumerated | {"seeds": {"count": 10}},
        "few": enumerated | {"seeds": {"count": 2}},
    }
    study["figures"] = {"variances": {"kind": "ladder", "experiment": "enumerated", "section": "Using causality"}}
    study["claims"] = {
        "holds": claim("Reward-to-go lowers the variance."),
        "planted_false": claim("Reward-to-go raises the variance.", relation="greater"),
        "few_seeds": claim("Reward-to-go lowers the variance, say two policies.", experiment="few"),
    }
    place = checkout(tmp_path_factory.mktemp("judged"))
    place.write(study)
    done = place.run()
    assert done.returncode == 0, done.stderr
    return place


def verdicts(place: Checkout) -> dict[str, str]:
    rows = pd.read_csv(place.folder / "out/claims.csv")
    return dict(zip(rows["claim"], rows["verdict"], strict=True))


def test_a_claim_planted_as_false_is_refuted_and_one_without_enough_seeds_is_not_decided(judged: Checkout) -> None:
    assert verdicts(judged) == {"holds": "supported", "planted_false": "refuted", "few_seeds": "inconclusive"}


def test_the_report_shows_the_refuted_claim_as_such_and_what_would_decide_the_open_one(judged: Checkout) -> None:
    page = (judged.folder / "out/report.html").read_text(encoding="utf-8")

    assert '<span class="badge refuted">refuted</span> Reward-to-go raises the variance.' in page
    assert "Were the effect as measured, " in page[page.index("say two policies") :]


def test_a_new_claim_takes_lines_of_the_study_file_and_nothing_is_measured_for_it(judged: Checkout) -> None:
    config = judged.folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    added = """
  added:
    statement: Reward-to-go keeps the expectation.
    section: Using causality
    primary: unbiased
    figure: variances
    parts:
      unbiased:
        experiment: enumerated
        metric: relative_bias
        a: {variant: to_go}
        reference: 0
        relation: exact
        margin: 1.0e-9
"""
    config.write_text(text.replace("\nclaims:\n", "\nclaims:" + added), encoding="utf-8")
    assert set(judged.planned()) == {"claim", "claims_table", "report_page"}
    done = judged.run()
    assert done.returncode == 0, done.stderr
    assert verdicts(judged)["added"] == "supported"
    assert "Reward-to-go keeps the expectation." in (judged.folder / "out/report.html").read_text(encoding="utf-8")
    assert (judged.folder / "out/claims/added.csv").exists()
