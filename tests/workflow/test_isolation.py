"""No shell, template or page runs the text of a study, and two studies never share a folder."""

from typing import Any

import pandas as pd
from tests.workflow.checkout import Checkout

HOSTILE = (
    "a \"study\" of 'Zoë' 漢字; $(touch harm) `touch harm` && touch harm\n<img src=x onerror=alert(1)> {seed} %s \\ $x_"
)


def test_hostile_text_in_a_study_is_only_text(fresh: Checkout, study: dict[str, Any]) -> None:
    study["name"] = HOSTILE
    for record in (*study["environments"].values(), *study["variants"].values()):
        record["label"] = HOSTILE + "$" * (len(record) % 3)
    study["variants"]["total"]["label"] = HOSTILE * 20
    study["claims"]["causality"] |= {"statement": HOSTILE, "section": HOSTILE}
    study["figures"]["learning"]["section"] = HOSTILE
    study["experiments"]["learn"]["seeds"] = {"count": 2, "per_job": 2}
    fresh.write(study)
    fresh.complete()
    assert not list(fresh.folder.rglob("harm"))
    page = (fresh.folder / "out/report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert set(pd.read_csv(fresh.folder / "out/claims.csv")["statement"]) == {HOSTILE}
    assert fresh.planned() == {}


def test_hostile_values_of_the_command_line_are_only_text(fresh: Checkout) -> None:
    rows = "out/runs/learn/cartpole/total/seeds-0-1.csv"
    fresh.complete(rows, "--config", f"name={HOSTILE}")
    assert "results: must be a relative folder" in fresh.failure(rows, "--config", "results=$(touch harm)")
    assert not list(fresh.folder.rglob("harm"))


def test_folder_of_another_study_is_refused(finished: Checkout) -> None:
    said = finished.failure("-n", "--config", "name=Another study")
    assert "results: out belongs to the study 'A test study', and this study is 'Another study'" in said
    finished.complete("-n", "--config", "name=Another study", "results=out/another")
