"""What weights a batch's log-likelihoods, and stays fixed while the policy moves: returns, baseline, normalisation."""

from __future__ import annotations

from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments.mdp import MDP
from pg.learning.critic import Critic
from pg.learning.policies import Policy
from pg.learning.scores import score_products
from pg.learning.tabular import state_values
from pg.parts import estimator as compose
from pg.parts.estimator import Fixed, StateValues
from pg.parts.variant import Variant


def advantages(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> Tensor:
    """Return what weights each log-likelihood at the policy that collected the trajectories, (S, N, T)."""
    return compose.weights(variant, trajectories, fixed(policy, variant, trajectories, mdp, critic))


def fixed(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> Fixed:
    """Return what stays fixed at the policy's present parameters.

    Raises
    ------
    ValueError
        If the variant needs the environment's tables or a value network and there is none.
    """
    products, values = None, None
    if compose.needs_score_products(variant):
        products = score_products(
            policy, trajectories, compose.returns(variant, trajectories), compose.state_weights(variant, trajectories)
        )
    if compose.needs_state_values(variant):
        values = _state_values(policy, variant, trajectories, mdp, critic)
    return compose.fixed(variant, trajectories, products, values)


def _state_values(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None, critic: Critic | None
) -> StateValues:
    """Return the values that a variant subtracts, from the tables or from the network: either is a function of s, t."""
    if variant.baseline == "value_network":
        if critic is None:
            raise ValueError("baseline: value_network needs a network that has been fitted")
        return critic.values(trajectories)
    if mdp is None:
        raise ValueError("baseline: exact needs the environment's tables")
    along = state_values(policy, mdp, trajectories, variant.discount)
    return StateValues(along, rest=along.new_zeros(along.shape[:2]))
