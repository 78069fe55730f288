"""The pipeline trains policies that solve their environments."""

import shutil

import pandas as pd
import pytest
from tests.workflow.checkout import ROOT, Checkout


@pytest.mark.slow
def test_20_seeds_solve_cartpole_and_18_the_pendulum(fresh: Checkout) -> None:
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
