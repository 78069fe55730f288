"""Parts from a file next to the study run from the study file to a figure and the report."""

from typing import Any

import pandas as pd
from tests.parts.own import BASELINE, IMPORTANCE, MODULE, RETURNS
from tests.workflow.checkout import Checkout


def test_own_parts_run_from_end_to_end(fresh: Checkout, study: dict[str, Any]) -> None:
    own = {
        "own_baseline": {"extends": "to_go", "baseline": BASELINE},
        "own_returns": {"extends": "total", "returns": RETURNS},
        "own_weight": {"extends": "to_go", "importance": IMPORTANCE, "gradient_steps": 2},
    }
    study["variants"] |= own
    for experiment in ("learn", "gradients"):
        study["experiments"][experiment]["variants"] += list(own)
    place = fresh.folder / "mine"
    place.mkdir()
    (place / "my_parts.py").write_text(MODULE, encoding="utf-8")
    fresh.write(study)
    (fresh.folder / "config.yaml").rename(place / "study.yaml")
    given = ("--configfile", "mine/study.yaml")
    done = fresh.run(*given)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(fresh.folder / "out/tables/gradients.csv")
    assert set(own) <= set(rows["variant"])
    assert "ShareOfOthers" in (fresh.folder / "out/report.html").read_text(encoding="utf-8")
    assert fresh.planned(*given) == {}
    (place / "my_parts.py").write_text(MODULE.replace("self.share *", "2 * self.share *"), encoding="utf-8")
    assert fresh.planned(*given)["train"] == 6, "two blocks of each part in the module"
