"""Verdicts of a whole study: supported, refuted, too few seeds, and a relation of one's own."""

import copy
from typing import Any

import pandas as pd
import pytest
from tests.claims.declared import OWN_RELATION
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
    """Run a study of exact variances of ten random policies and of two, with a true claim and its opposite."""
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
        "own": claim("Reward-to-go doubles the variance.", relation="own_relations:FarAbove"),
    }
    place = checkout(tmp_path_factory.mktemp("judged"))
    (place.folder / "own_relations.py").write_text(OWN_RELATION, encoding="utf-8")
    place.write(study)
    place.complete()
    return place


def verdicts(place: Checkout) -> dict[str, str]:
    rows = pd.read_csv(place.folder / "out/claims.csv")
    return dict(zip(rows["claim"], rows["verdict"], strict=True))


def test_false_claim_is_refuted_and_too_few_seeds_decide_nothing(judged: Checkout) -> None:
    found = {"holds": "supported", "planted_false": "refuted", "few_seeds": "undecided", "own": "refuted"}
    assert verdicts(judged) == found


def test_edited_relation_of_ones_own_judges_its_claims_again(judged: Checkout) -> None:
    file = judged.folder / "own_relations.py"
    file.write_text(OWN_RELATION + "# A comment changes nothing.\n", encoding="utf-8")
    assert judged.planned() == {}
    file.write_text(OWN_RELATION.replace("+ 1", "+ 2"), encoding="utf-8")
    assert judged.planned() == {"claim": 1, "claims_table": 1, "report_page": 1}
    file.write_text(OWN_RELATION, encoding="utf-8")


def test_report_shows_the_refuted_and_the_open_claim(judged: Checkout) -> None:
    page = (judged.folder / "out/report.html").read_text(encoding="utf-8")

    card = page[page.index('<article class="card" id="claim-planted_false"') :]
    assert (
        card.index("Reward-to-go raises the variance.</h3>") < card.index("> refuted</span>") < card.index("</article>")
    )
    assert "If the effect is as large as measured, " in page[page.index("say two policies") :]


def test_new_claim_takes_lines_of_the_study_file_and_no_measurement(judged: Checkout) -> None:
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
    judged.complete()
    assert verdicts(judged)["added"] == "supported"
    assert "Reward-to-go keeps the expectation." in (judged.folder / "out/report.html").read_text(encoding="utf-8")
    assert (judged.folder / "out/claims/added.csv").exists()
