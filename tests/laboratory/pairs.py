"""Two policies in small MDPs, and every trajectory of one with its ratios under the other."""

import numpy as np
import torch
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.exact import objective
from pg.environments.mdp import MDP
from pg.environments.small_mdps import chain, corridor, random_mdp
from pg.experiments.exact import measure
from pg.laboratory.frozen import random_policy
from pg.laboratory.reuse import Reuse
from pg.learning.policies import Policy, flatten, repeat, stacked
from pg.learning.tabular import action_probabilities
from pg.parts.critic import Critic
from pg.parts.variant import PolicyOptions, Variant

# Two states; each has an action that may end the trajectory and one that never does.
MIXED = MDP(
    probabilities=np.array([[[0.7, 0.3], [1.0, 0.0]], [[1.0, 0.0], [0.4, 0.6]]]),
    next_states=np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]]),
    rewards=np.array([[[1.0, -1.0], [0.5, 0.0]], [[2.0, 0.0], [-0.3, 0.2]]]),
    terminates=np.array([[[False, True], [False, False]], [[True, False], [False, False]]]),
    start=np.array([0.6, 0.4]),
    horizon=3,
)
OPTIONS = PolicyOptions(hidden=(4,))
MDPS = {"random": random_mdp(3, states=2, seed=1), "chain": chain(4, length=2), "aliased": corridor(4)}
UNBIASED = {
    "trajectory": Variant(importance="trajectory"),
    "total": Variant(importance="trajectory", returns="total", baseline={"name": "constant", "value": 0.3}),
    "per_decision": Variant(importance="per_decision", baseline="exact"),
    "corrected": Variant(importance={"name": "exact_state", "future_correction": True}),
}
BIASED = {
    "naive": Variant(),
    "per_step": Variant(importance="per_step", baseline="exact"),
    "truncated": Variant(importance={"name": "per_decision", "truncate_at": 1.1}),
    "clipped": Variant(importance={"name": "per_step", "clip": 0.1}),
}


def pair(mdp: MDP, seed: int = 0) -> tuple[Policy, Policy]:
    return random_policy(OPTIONS, mdp.spaces, seed), random_policy(OPTIONS, mdp.spaces, seed + 100)


def every(mdp: MDP, behaviour: Policy, target: Policy) -> tuple[Reuse, torch.Tensor]:
    """Return every trajectory with its ratios under the target policy and its probability under the other."""
    enumeration = enumerate_trajectories(mdp, 10_000)
    return Reuse.at(target, behaviour, enumeration.trajectories, mdp), probabilities(enumeration, behaviour)


def moments(
    enumeration: Enumeration, policy: Policy, variant: Variant, limit: int, critic: Critic | None = None
) -> measure.Moments:
    """Return the exact moments of one estimator."""
    return measure.moments(enumeration, policy, {"": variant}, limit, {"": critic})[""]


def discounted_gradient(mdp: MDP, policy: Policy, discount: float) -> torch.Tensor:
    """Differentiate the discounted objective in the parameters of a policy."""
    copies = repeat(policy, 1)
    value = objective(mdp, action_probabilities(copies, mdp), discount)
    return flatten(torch.autograd.grad(value, copies.parameters_list())).squeeze(0)


def probabilities(enumeration: Enumeration, policy: Policy) -> torch.Tensor:
    return enumeration.probabilities(action_probabilities(stacked(policy), enumeration.mdp)).detach()


def assert_equal(found: torch.Tensor, expected: torch.Tensor, scale: torch.Tensor) -> None:
    assert (found - expected).norm() <= 1e-12 * scale.norm()
