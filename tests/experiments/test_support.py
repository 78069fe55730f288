"""Importance sampling is as good as the support of its proposal: on a two-armed bandit, in closed form."""

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.record import Environment
from pg.environments.small_mdps import bandit
from pg.experiments.support.measure import proposal
from pg.experiments.support.record import SupportExperiment
from pg.laboratory.frozen import random_policy
from pg.learning.policies import stacked
from pg.learning.tabular import action_probabilities
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of

LINEAR = PolicyOptions(hidden=())
BANDIT = Environment(id="pg/Bandit-v0")
LEFT = (0.5, 0.1, 0.01, 0.0)


def withheld(*seeds: int, environment: Environment = BANDIT, repetitions: int = 200, batch: int = 4) -> pd.DataFrame:
    variants, options = {"to_go": Variant(batch=batch, policy=LINEAR)}, {"left": LEFT, "repetitions": repetitions}
    return rows_of(job_of(SupportExperiment, environment, variants, *seeds, **options))


def probability_of_the_good_arm(seed: int) -> float:
    mdp = bandit(1)
    return action_probabilities(stacked(random_policy(LINEAR, mdp.spaces, seed)), mdp)[0, 0, 0].item()


@pytest.mark.parametrize("seed", range(5))
def test_variance_on_the_bandit_grows_as_one_over_what_is_left(seed: int) -> None:
    r"""Only the good arm pays: with two weights and two biases ‖∇J‖² is 4 π² (1 - π)², and E‖wψR‖² is that over p."""
    variance = withheld(seed).set_index("left")["total_variance"]
    good = probability_of_the_good_arm(seed)
    for left in LEFT[:-1]:
        squared = 4 * good**2 * (1 - good) ** 2
        assert variance[left] == pytest.approx(squared * (1 / left - 1) / 4, rel=1e-10)


@pytest.mark.parametrize("environment", [BANDIT, Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=3)])
def test_weights_leave_no_bias_while_the_support_is_covered(environment: Environment) -> None:
    rows = withheld(0, 1, environment=environment).set_index("left")["relative_bias"]
    np.testing.assert_allclose(rows[[0.5, 0.1, 0.01]], 0, atol=1e-12)


def test_an_action_that_the_proposal_never_takes_is_not_estimated() -> None:
    rows = withheld(0).set_index("left")
    assert rows["relative_bias"][0.0] == pytest.approx(1)
    assert rows["median_error"][0.0] == pytest.approx(1)
    assert rows["total_variance"][0.0] == 0


def test_a_rarely_covered_action_leaves_a_large_median_error() -> None:
    rows = withheld(0, batch=32).set_index("left")["median_error"]
    assert rows[0.5] < rows[0.1] < rows[0.01]


def test_the_median_error_on_the_bandit_is_that_of_binomial_counts() -> None:
    """Of k good pulls out of 4 the estimate is k / 4p times ∇J: at p = 1/2 six in 16 are right, 14 within 1/2."""
    rows = withheld(0, repetitions=2000).set_index("left")["median_error"]
    assert rows[0.5] == pytest.approx(0.5, rel=1e-9)
    assert rows[0.1] == pytest.approx(1, rel=1e-9)


def test_the_proposal_scales_the_other_actions() -> None:
    target = torch.tensor([[[0.2, 0.2, 0.6], [0.5, 0.25, 0.25]]])
    expected = torch.tensor([[[0.1, 0.225, 0.675], [0.1, 0.45, 0.45]]])
    torch.testing.assert_close(proposal(target, action=0, left=0.1), expected)
