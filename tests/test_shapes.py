"""A tensor of another shape than a signature says is refused while tests run."""

import jaxtyping
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.environments.exact import objective
from pg.environments.small_mdps import chain
from pg.laboratory.frozen import random_policy
from pg.parts.baselines.leave_one_out import mean_of_others
from pg.parts.discounting import total_return
from pg.parts.variant import PolicyOptions


def test_estimators_refuse_tensors_without_an_axis_or_of_two_lengths() -> None:
    rewards, mask = torch.zeros(1, 2, 3), torch.ones(1, 2, 3, dtype=torch.bool)
    assert total_return(rewards, mask, 1.0).shape == (1, 2, 3)
    for wrong in (mask[0], mask[..., :1]):
        with pytest.raises(jaxtyping.TypeCheckError):
            total_return(rewards, wrong, 1.0)
    with pytest.raises(jaxtyping.TypeCheckError):
        mean_of_others(rewards[0, 0])


def test_exact_values_refuse_a_table_without_steps() -> None:
    mdp = chain(4, length=2)
    table = torch.full((1, mdp.states, mdp.actions), 1 / mdp.actions, dtype=torch.float64)
    assert objective(mdp, table).ndim == 0
    with pytest.raises(jaxtyping.TypeCheckError):
        objective(mdp, table[0])


def test_policies_refuse_observations_that_are_whole_numbers() -> None:
    policy, seen = random_policy(PolicyOptions(hidden=()), Spaces(3, 2), seed=0), torch.zeros(4, 3, dtype=torch.float64)
    assert policy.log_prob(seen, torch.zeros(4, dtype=torch.int64)).shape == (4,)
    with pytest.raises(jaxtyping.TypeCheckError):
        policy.heads(torch.zeros(4, 3, dtype=torch.int64))
