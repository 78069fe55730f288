"""Score products against one backward pass per trajectory."""

import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories, valid_steps
from pg.learning.policies import Policy, flatten, repeat
from pg.learning.scores import score_products, scores
from pg.parts.activations.base import Activation
from pg.parts.activations.registry import ACTIVATIONS
from pg.parts.variant import PolicyOptions
from tests.learning.batches import random_actions
from tests.parts import made

SPACES = [Spaces(2, 3), Spaces(2, None, 2), Spaces(2, (3, 2))]
NAMES = ["categorical", "gaussian", "factored"]
LENGTHS = torch.tensor([[3, 1, 2], [2, 3, 3]])


def random_trajectories(spaces: Spaces) -> Trajectories:
    generator = torch.Generator().manual_seed(4)
    mask = torch.arange(3) < LENGTHS.unsqueeze(-1)
    actions = random_actions(spaces, mask.shape, generator)
    observations = torch.randn(*mask.shape, 2, generator=generator, dtype=torch.float64)
    rewards = torch.randn(mask.shape, generator=generator, dtype=torch.float64) * mask
    return made.trajectories(rewards, mask, observations=observations, actions=actions)


def make(spaces: Spaces) -> Policy:
    generator = torch.Generator().manual_seed(3)
    return Policy(PolicyOptions(hidden=(4,)), spaces, generator, dtype=torch.float64)


def weighted_score(
    policy: Policy, trajectories: Trajectories, at: tuple[int, int], weights: torch.Tensor
) -> torch.Tensor:
    steps = slice(0, int(LENGTHS[at]))
    log_probs = policy.log_prob(trajectories.observations[at][steps], trajectories.actions[at][steps])
    return torch.autograd.grad((log_probs * weights[at][steps]).sum(), policy.theta)[0]


@pytest.mark.parametrize("spaces", SPACES, ids=NAMES)
@pytest.mark.parametrize("discount", [1.0, 0.5])
def test_products_equal_those_of_explicit_scores(spaces: Spaces, discount: float) -> None:
    policy, trajectories = make(spaces), random_trajectories(spaces)
    returns = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    weights = (discount ** torch.arange(3)).expand(2, 3, 3)
    products = score_products(policy, trajectories, returns, None if discount == 1 else weights)
    for at in ((s, i) for s in range(2) for i in range(3)):
        weighted = weighted_score(policy, trajectories, at, weights * returns)
        plain = weighted_score(policy, trajectories, at, weights)
        torch.testing.assert_close(products.weighted[at], weighted @ plain)
        torch.testing.assert_close(products.squared[at], plain @ plain)


def test_total_return_multiplies_the_squared_score() -> None:
    """With one return R for all steps, A = R B, so that the quotient is Greensmith, Bartlett & Baxter's."""
    policy, trajectories = make(SPACES[0]), random_trajectories(SPACES[0])
    totals = torch.randn(2, 3, 1, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    products = score_products(policy, trajectories, totals.expand(2, 3, 3))
    torch.testing.assert_close(products.weighted, totals.squeeze(-1) * products.squared)


def test_products_of_scores_have_no_gradient() -> None:
    products = score_products(make(SPACES[0]), random_trajectories(SPACES[0]), torch.ones(2, 3, 3, dtype=torch.float64))
    assert not products.weighted.requires_grad
    assert not products.squared.requires_grad


@pytest.mark.parametrize("spaces", SPACES, ids=NAMES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sums_of_scores_are_gradients_of_log_likelihoods(spaces: Spaces, activation: type[Activation]) -> None:
    """Runs of four, one and three steps, with a different weight for each step."""
    options = PolicyOptions(hidden=(4, 5), activation=activation(), initial_std=0.5)
    policy = Policy(options, spaces, torch.Generator().manual_seed(7), dtype=torch.float64)
    observations, actions = (values[:8] for values in valid_steps(random_trajectories(spaces)))
    weights = torch.tensor([2.0, -1, 0.5, 3, 1, -2, 1, 4], dtype=torch.float64)
    found, lengths = scores(policy, observations, actions), torch.tensor([4, 1, 3])
    sums = found.sums(weights, lengths)
    for row, steps in enumerate((slice(0, 4), slice(4, 5), slice(5, 8))):
        copy = repeat(policy, 1)
        log_probs = copy.log_prob(observations[steps].unsqueeze(0), actions[steps].unsqueeze(0))[0]
        total = (log_probs * weights[steps]).sum()
        expected = flatten(torch.autograd.grad(total, copy.parameters_list()))[0]
        torch.testing.assert_close(sums[row], expected)
        torch.testing.assert_close(found.log_probs[steps], log_probs.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_long_runs_are_summed_and_projected_in_blocks(dtype: torch.dtype) -> None:
    lengths, generator = torch.tensor([130, 1, 300]), torch.Generator().manual_seed(8)
    policy = Policy(PolicyOptions(hidden=(33,)), SPACES[0], generator, dtype=dtype)
    observations, weights = torch.randn(431, 2, generator=generator), torch.randn(431, generator=generator)
    found = scores(policy, observations.to(dtype), torch.randint(3, (431,), generator=generator))
    layers = [
        (inputs.double().unsqueeze(-1) * derivatives.double().unsqueeze(1), derivatives.double())
        for inputs, derivatives in zip(found.inputs, found.derivatives, strict=True)
    ]
    single = torch.cat([part.reshape(431, -1) for layer in layers for part in layer], dim=1)
    sums = found.sums(weights.to(dtype), lengths)
    expected = torch.stack([part.sum(0) for part in (single * weights.unsqueeze(-1)).split(lengths.tolist())])
    torch.testing.assert_close(sums.double(), expected, rtol=1e-4, atol=1e-5)
    along = found.along(sums, lengths)
    of_runs = sums.double().repeat_interleave(lengths, dim=0)
    torch.testing.assert_close(along.double(), (single * of_runs).sum(-1), rtol=1e-4, atol=1e-4)
