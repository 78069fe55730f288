"""The pipeline trains demonstrators before the policies that imitate them."""

from pathlib import Path
from typing import Any

import pandas as pd
from pg.__main__ import main
from tests.workflow.checkout import Checkout


def with_clones(study: dict[str, Any]) -> dict[str, Any]:
    """Add an experiment that imitates the policies of another one, with a tuned learning rate."""
    snapshots = {"experiment": "learn", "variant": "total", "stage": "middle"}
    study["variants"]["clone"] = {
        "extends": "averaged",
        "optimizer": {"learning_rate": "tuned"},
        "initialise": {"clone": snapshots, "demonstrations": 4, "epochs": 3},
    }
    study["experiments"] = {
        "learn": study["experiments"]["learn"],
        "begin": {
            "kind": "train",
            "environments": ["cartpole"],
            "variants": ["clone"],
            "seeds": {"count": 3, "per_job": 3},
            "budget": {"steps": 300, "max_iterations": 3},
            "tuning": {"grid": [0.01, 0.1], "seeds": 2},
        },
    }
    study["figures"] = {"begin": {"kind": "learning_curves", "experiment": "begin", "section": "Imitation recap"}}
    study["claims"] = {}
    return study


def test_a_clone_waits_for_its_demonstrators_and_reruns_with_them(fresh: Checkout, study: dict[str, Any]) -> None:
    fresh.write(with_clones(study))
    fresh.complete("out/tables/begin.csv")
    rows = pd.read_csv(fresh.folder / "out/runs/begin/cartpole/clone/seeds-0-2.csv")
    assert (rows["demonstration_steps"] >= 4).all()
    assert rows["demonstrator_return"].notna().all()
    metrics = set(pd.read_csv(fresh.folder / "out/tables/begin.csv")["metric"])
    assert {"demonstrator_return", "clone_minus_demonstrator", "final_minus_demonstrator"} <= metrics
    assert not (fresh.folder / "out/runs/learn/cartpole/averaged").exists()
    assert fresh.planned("out/tables/begin.csv") == {}
    study["variants"]["total"]["optimizer"]["learning_rate"] = 0.02
    study["variants"]["averaged"] = {**study["variants"]["averaged"], "optimizer": {"learning_rate": 0.01}}
    fresh.write(study)
    assert fresh.planned("out/tables/begin.csv") == {"train": 3, "tune": 1, "train_tables": 1}


def test_a_clone_is_trained_by_hand_after_its_demonstrators(
    fresh: Checkout, study: dict[str, Any], monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    with_clones(study)["variants"]["clone"]["optimizer"]["learning_rate"] = 0.01
    fresh.write(study)
    monkeypatch.chdir(fresh.folder)
    place = ["--experiment", "begin", "--environment", "cartpole", "--variant", "clone", "--seeds", "0-2"]
    by_hand = tmp_path / "by_hand.csv"
    assert main(["train", *place, "--output", str(by_hand)]) == 2
    missing = [f"out/snapshots/learn/cartpole/total/seeds-{block}" for block in ("0-1", "2-3")]
    said = capsys.readouterr().err
    assert f"clone imitates policies of another experiment, and {missing[0]} does not exist" in said
    assert f"snakemake --cores all {' '.join(missing)}" in said
    fresh.complete("out/runs/begin/cartpole/clone/seeds-0-2.csv")
    assert main(["train", *place, "--output", str(by_hand)]) == 0
    assert by_hand.read_bytes() == (fresh.folder / "out/runs/begin/cartpole/clone/seeds-0-2.csv").read_bytes()
