"""Parts and a kind of experiment from a file next to the study run from the study file to the report."""

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


KIND = '''
from pandas import DataFrame
from pg.experiments.kind import Measurement, Source
from pg.experiments.metric import Metric
from pg.laboratory.job import MeasurementJob
from pg.parts.variant import PolicyOptions


class NormJob(MeasurementJob):
    policy: PolicyOptions
    power: int

    def measure(self, policies):
        rows = []
        for seed in self.seeds:
            powers = sum((abs(values) ** self.power).sum() for values in policies[seed].values())
            for name, variant in self.variants.items():
                rows.append({"seed": seed, "variant": name, "batch": variant.batch, "norm": powers ** (1 / self.power)})
        return {"rows": DataFrame(rows)}


class Norms(Measurement):
    """Measures the norm of a policy's parameters."""

    metrics = (Metric("norm", "norm of the parameters", "p-norm of all parameters.", never_negative=True),)
    folder = "norms"
    job_type = "my_kind:NormJob"
    source: Source
    power: int = 2
'''


def test_own_kind_of_experiment_is_measured_and_judged(fresh: Checkout, study: dict[str, Any]) -> None:
    (fresh.folder / "my_kind.py").write_text(KIND, encoding="utf-8")
    source = {"experiment": "learn", "variant": "averaged", "stages": ["initial", "late"]}
    declared = {"kind": "my_kind:Norms", "environments": ["cartpole"], "variants": ["total"], "seeds": {"count": 4}}
    study["experiments"]["norms"] = declared | {"source": source}
    sides = {side: {"variant": "total", "stage": stage} for side, stage in (("a", "late"), ("b", "initial"))}
    grows = {"experiment": "norms", "metric": "norm", "relation": "greater", **sides}
    claim = {"section": "Using causality", "figure": "variance", "primary": "late", "parts": {"late": grows}}
    study["claims"]["growth"] = claim | {"statement": "Training lengthens the parameters."}
    fresh.write(study)
    done = fresh.run()
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(fresh.folder / "out/tables/norms.csv")
    norms = {stage: rows.set_index("seed")["value"] for stage, rows in table.groupby("stage")}
    claims = pd.read_csv(fresh.folder / "out/claims.csv").set_index("claim").to_dict("index")
    assert claims["growth"]["n"] == 4
    assert claims["growth"]["effect"] == (norms["late"] - norms["initial"]).mean()
    assert "norm of the parameters" in (fresh.folder / "out/report.html").read_text(encoding="utf-8")
    (fresh.folder / "my_kind.py").write_text(KIND.replace("1 / self.power", "2 / self.power"), encoding="utf-8")
    assert fresh.planned()["measure"] == 2, "one job per stage"
