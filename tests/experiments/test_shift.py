"""Histograms of importance weights, and of states in the data and under the policy that has moved."""

import numpy as np
import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.experiments.staleness import shift
from pg.learning.policies import repeat
from pg.learning.tabular import action_probabilities
from tests.laboratory.pairs import MDPS, pair


def test_weights_are_counted_by_their_logarithm_and_only_where_they_are_valid() -> None:
    weights = torch.tensor([[[1.0, 1.0, 0.99, 10.0], [0.0, 1e9, 5.0, 7.0]]], dtype=torch.float64)
    live = torch.tensor([[[True, True, True, True], [True, True, False, False]]])
    found = {row["log_weight"]: row["count"] for row in shift.weight_counts(weights, live)}
    assert found == {-4.0: 1, -0.25: 1, 0.0: 2, 1.0: 1, 3.75: 1}


def test_shares_of_states_are_expected_visits_over_the_expected_length() -> None:
    mdp = MDPS["random"]
    start, target = pair(mdp)
    rows = shift.state_shares(mdp, start, target)
    probabilities = action_probabilities(repeat(target, 1), mdp)[0].detach().numpy()
    distribution, visits = np.asarray(mdp.start, dtype=float), np.zeros(mdp.states)
    for _ in range(mdp.horizon):
        visits += distribution
        flow = distribution[:, None, None] * probabilities[..., None] * mdp.probabilities * ~mdp.terminates
        distribution = np.bincount(mdp.next_states.ravel(), flow.ravel(), minlength=mdp.states)
    assert [row["low"] for row in rows] == list(range(mdp.states))
    assert [row["visited"] for row in rows] == pytest.approx(visits / visits.sum())
    assert sum(float(str(row["data"])) for row in rows) == pytest.approx(1)
    assert [row["data"] for row in rows] != pytest.approx(visits / visits.sum(), rel=1e-3)


def observed(values: list[float], padding: int = 1) -> Trajectories:
    """Make one trajectory with two observed components, the second of which is the first times 100."""
    count = len(values) + padding
    first = torch.tensor([*values, *(padding * [50.0])]).reshape(1, 1, count, 1)
    mask = (torch.arange(count) < len(values)).reshape(1, 1, count)
    ended = torch.ones(1, 1, dtype=torch.bool)
    return Trajectories(
        observations=torch.cat([first, 100 * first], dim=-1), actions=mask.long(), rewards=mask.float(),
        mask=mask, terminated=ended, truncated=~ended,
    )  # fmt: skip


def test_observed_shares_have_equal_bins_at_all_steps_and_hold_every_valid_step() -> None:
    line = np.linspace(0, 1, 1001).tolist()
    moved = {4: observed([-0.2] * 200), 0: observed(line)}
    rows = list(shift.observed_shares(("x", "y"), observed(line), moved))
    of_x = [row for row in rows if row["component"] == "x"]
    assert {row["component"] for row in rows} == {"x", "y"}
    for steps in (4, 0):
        own = [row for row in of_x if row["steps"] == steps]
        assert [row["low"] for row in own] == [row["low"] for row in of_x[: len(own)]]
        assert sum(float(str(row["data"])) for row in own) == pytest.approx(1)
        assert sum(float(str(row["visited"])) for row in own) == pytest.approx(1)
        assert own[0]["visited"] == pytest.approx(1 if steps else own[0]["data"])
        # The data are a uniform line; the lowest of 16 bins holds what is below the values that most steps have.
        assert float(str(own[-1]["data"])) == pytest.approx(1 / 12, abs=0.03)


def test_components_have_names_only_if_the_whole_observation_is_known() -> None:
    seen = observed([0.0, 1.0])
    assert {row["component"] for row in shift.observed_shares(("x",), seen, {0: seen})} == {
        "observation 0",
        "observation 1",
    }
