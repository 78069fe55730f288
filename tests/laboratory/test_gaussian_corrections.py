r"""Corrections of Gaussian policies, with expectations in closed form and by Gauss-Hermite quadrature.

The nodes replace sampled actions: they are trajectories of the behaviour policy, with the rule's weights as their
probabilities: $\mathbb{E}_{a \sim \mathcal{N}(\mu, \sigma^2)}[f(a)] = \sum_k \frac{w_k}{\sqrt{\pi}} f(\mu + \sqrt{2}
\sigma x_k)$ with weights and nodes of $\int e^{-x^2} f(x) \, dx$.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.laboratory.frozen import random_policy
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant

NODES = 80
BEST_ACTION = 0.7
SPACES = Spaces(observation_size=1, action_count=None, action_size=1)


@dataclass(frozen=True)
class Normal:
    """A policy that sees 1 at the first step and 0 afterwards, with a mean for each and one deviation."""

    first: float
    later: float
    deviation: float

    @property
    def policy(self) -> Policy:
        made = random_policy(PolicyOptions(hidden=()), SPACES, seed=0)
        with torch.no_grad():
            made.affine[0].matrix.fill_(self.first - self.later)
            made.affine[0].biases.fill_(self.later)
            made.log_std.fill_(math.log(self.deviation))
        return made


OLD = Normal(first=0.3, later=-0.2, deviation=0.8)
CHANGED = {
    "mean": Normal(first=0.9, later=-0.2, deviation=0.8),
    "narrower": Normal(first=0.3, later=0.1, deviation=0.6),
    "wider": Normal(first=-0.1, later=0.2, deviation=0.95),
    "nothing": OLD,
}


def nodes(policy: Normal, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every combination of the nodes of all steps, (M, steps), and its probability."""
    at, weights = np.polynomial.hermite.hermgauss(NODES)
    means = [policy.first, policy.later][:steps]
    actions = [mean + math.sqrt(2) * policy.deviation * at for mean in means]
    grid = np.stack(np.meshgrid(*actions, indexing="ij"), -1).reshape(-1, steps)
    chances = np.stack(np.meshgrid(*[weights / math.sqrt(math.pi)] * steps, indexing="ij"), -1).prod(-1).reshape(-1)
    return torch.from_numpy(grid), torch.from_numpy(chances)


def trajectories(actions: torch.Tensor, rewards: torch.Tensor) -> Trajectories:
    """Return M trajectories with actions and rewards (M, T)."""
    count, steps = actions.shape
    observations = torch.zeros(1, count, steps, 1, dtype=torch.float64)
    observations[:, :, 0] = 1
    ended = torch.ones(1, count, dtype=torch.bool)
    return Trajectories(
        observations=observations,
        actions=actions.reshape(1, count, steps, 1),
        rewards=rewards.reshape(1, count, steps),
        mask=torch.ones(1, count, steps, dtype=torch.bool),
        terminated=~ended,
        truncated=ended,
    )


def expectation(
    target: Normal, actions: torch.Tensor, rewards: torch.Tensor, chances: torch.Tensor, **parts: Any
) -> np.ndarray:
    """Return the expected estimate under OLD; its entries are those of weight, bias and logarithm of the deviation."""
    reuse = Reuse.at(target.policy, OLD.policy, trajectories(actions, rewards)).regrouped(1)
    return (chances @ corrected_gradients(reuse, Variant(**parts))).numpy()


def by_parameters(by_first: float, by_later: float, by_deviation: float) -> np.ndarray:
    """Turn derivatives by both means and the logarithm of the deviation into those by the policy's parameters."""
    return np.array([by_first, by_first + by_later, by_deviation])


@pytest.mark.parametrize("baseline", [{}, {"baseline": {"name": "constant", "value": 0.4}}])
@pytest.mark.parametrize("importance", ["trajectory", "per_decision", "per_step"])
@pytest.mark.parametrize("target", CHANGED.values(), ids=CHANGED.keys())
def test_every_correction_of_one_step_restores_the_gradient(
    target: Normal, importance: str, baseline: dict[str, Any]
) -> None:
    """J = -(μ - c)² - σ² of the quadratic reward -(a - c)²."""
    actions, chances = nodes(OLD, steps=1)
    found = expectation(target, actions, -((actions - BEST_ACTION) ** 2), chances, importance=importance, **baseline)
    known = by_parameters(-2 * (target.first - BEST_ACTION), 0, -2 * target.deviation**2)
    np.testing.assert_allclose(found, known, atol=1e-8)


@pytest.mark.parametrize("target", CHANGED.values(), ids=CHANGED.keys())
def test_uncorrected_estimate_averages_target_scores_on_old_data(target: Normal) -> None:
    """With u = a - μ' the scores are u / σ'² and u² / σ'² - 1, and moments of a under θ are those of a normal."""
    actions, chances = nodes(OLD, steps=1)
    found = expectation(target, actions, actions, chances)
    distance, variance = OLD.first - target.first, OLD.deviation**2
    first, second = distance, variance + distance**2
    third = distance**3 + 3 * distance * variance
    by_mean = (target.first * first + second) / target.deviation**2
    by_deviation = (target.first * second + third) / target.deviation**2 - (target.first + first)
    np.testing.assert_allclose(found, by_parameters(by_mean, 0, by_deviation), atol=1e-8)


@pytest.mark.parametrize("target", CHANGED.values(), ids=CHANGED.keys())
@pytest.mark.parametrize("importance", ["trajectory", "per_decision", "per_step"])
def test_two_steps_need_products_of_ratios(target: Normal, importance: str) -> None:
    """With the reward a_0 a_1 at the second step J is μ_0 μ_1, so the derivative by one mean is the other mean."""
    actions, chances = nodes(OLD, steps=2)
    rewards = torch.stack([torch.zeros_like(chances), actions.prod(-1)], -1)
    found = expectation(target, actions, rewards, chances, importance=importance)
    other = OLD if importance == "per_step" else target
    np.testing.assert_allclose(found, by_parameters(other.later, other.first, 0), atol=1e-8)
