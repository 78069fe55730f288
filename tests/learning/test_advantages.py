"""Quantities fixed during an update come from the variant's parts; missing inputs are refused."""

import pytest
import torch
from pg.environments.small_mdps import chain
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.parts.batch import Batch
from pg.parts.variant import PolicyOptions, Variant
from tests.learning.batches import batch, policy
from tests.parts import made


@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_exact_baseline_is_the_discounted_state_value(discount: float) -> None:
    """Right, left and right again in a corridor of two states, whatever the policy does, and right twice in another."""
    mdp = chain(3, length=2, slip=0)
    states, actions = torch.tensor([[[0, 1, 0], [0, 1, 0]]]), torch.tensor([[[1, 0, 1], [1, 1, 0]]])
    mask = torch.tensor([[[True, True, True], [True, True, False]]])
    rewards = torch.tensor([[[-0.1, -0.1, -0.1], [-0.1, 0.9, 0]]], dtype=torch.float64)
    observations = torch.eye(2, dtype=torch.float64)[states] * mask.unsqueeze(-1)
    truncated = torch.tensor([[True, False]])
    trajectories = made.trajectories(
        rewards, mask, observations=observations, actions=actions, states=states, truncated=truncated
    )
    one = Policy(PolicyOptions(hidden=(6,)), mdp.spaces, torch.Generator().manual_seed(1), torch.float64)
    right = one.log_prob(torch.eye(2, dtype=torch.float64), torch.ones(2, dtype=torch.int64)).exp().detach()
    # V_t(s) by hand, from the last step back: every step costs 0.1, and going right from the second state pays 1.
    last = [-0.1, -0.1 + right[1]]
    middle = [
        -0.1 + discount * (right[0] * last[1] + (1 - right[0]) * last[0]),
        -0.1 + right[1] + discount * (1 - right[1]) * last[0],
    ]
    first = -0.1 + discount * (right[0] * middle[1] + (1 - right[0]) * middle[0])
    values = torch.tensor([[[first, middle[1], last[0]], [first, middle[1], 0]]], dtype=torch.float64)
    found = advantages(one, Variant(baseline="exact", discount=discount), trajectories, mdp)
    torch.testing.assert_close(found, Batch(Variant(discount=discount), trajectories).returns - values)


def test_baseline_without_its_input_is_refused() -> None:
    with pytest.raises(ValueError, match="value_network needs a network"):
        advantages(policy(), Variant(baseline="value_network"), batch())
    with pytest.raises(ValueError, match="needs the environment's tables"):
        advantages(policy(), Variant(baseline="exact"), batch())
