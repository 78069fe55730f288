"""Advantages of a batch at the policy that collected it: returns, baseline and normalisation."""

from __future__ import annotations

from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments.mdp import MDP
from pg.learning.policies import Policy
from pg.learning.scores import score_products
from pg.learning.tabular import state_values
from pg.parts import estimator as compose
from pg.parts.batch import Batch, StateValues
from pg.parts.critic import Critic
from pg.parts.estimator import Fixed
from pg.parts.variant import Variant


def advantages(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None = None, critic: Critic | None = None
) -> Tensor:
    """Return the advantages at the policy that collected the trajectories, (S, N, T)."""
    return compose.weights(variant, trajectories, fixed(policy, variant, trajectories, mdp, critic))


def fixed(
    policy: Policy,
    variant: Variant,
    trajectories: Trajectories,
    mdp: MDP | None = None,
    critic: Critic | None = None,
    batches: int = 1,
) -> Fixed:
    """Return returns, baseline and normalisation, which stay fixed while gradient steps change the policy.

    The trajectories are those of the policy, or of a window's policies in a number of batches, the last by the policy.

    Raises
    ------
    ValueError
        If the variant needs the environment's tables or a value network and it is missing.
    """
    return compose.fixed(
        Batch(
            variant,
            trajectories,
            find_score_products=lambda batch: score_products(policy, trajectories, batch.returns, batch.state_weights),
            find_state_values=lambda _: _state_values(policy, variant, trajectories, mdp, critic),
            batches=batches,
        )
    )


def _state_values(
    policy: Policy, variant: Variant, trajectories: Trajectories, mdp: MDP | None, critic: Critic | None
) -> StateValues:
    """Return the values that a variant's baseline subtracts, from the tables or from the network."""
    if variant.baseline.values_from == "network":
        if critic is None:
            raise ValueError(f"baseline: {variant.baseline.name} needs a network that has been fitted")
        return critic.values(trajectories)
    if mdp is None:
        raise ValueError(f"baseline: {variant.baseline.name} needs the environment's tables")
    along = state_values(policy, mdp, trajectories, variant.discount, variant.baseline)
    return StateValues(along, rest=along.new_zeros(along.shape[:2]))
