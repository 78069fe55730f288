"""Policies learn to the end, through the real pipeline."""

import shutil

import pandas as pd
import pytest
from tests.workflow.checkout import ROOT, Checkout


@pytest.mark.slow
def test_cartpole_is_solved_on_all_of_20_seeds_and_the_pendulum_on_at_least_18(fresh: Checkout) -> None:
    shutil.copy(ROOT / "workflow/studies/learning.yaml", fresh.folder / "config.yaml")
    done = fresh.run(limit=1800)
    assert done.returncode == 0, done.stderr
    solved = {}
    for experiment in ("cartpole", "pendulum"):
        table = pd.read_csv(fresh.folder / f"results/learning/tables/{experiment}.csv")
        values = table.query("metric == 'solved'")["value"]
        assert len(values) == 20
        solved[experiment] = int(values.sum())
    assert solved["cartpole"] == 20
    assert solved["pendulum"] >= 18
