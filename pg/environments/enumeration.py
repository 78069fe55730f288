r"""Every trajectory of a small MDP, and every batch of N of them, with its probability.

The enumerated batches are on the S axis of a `Trajectories`, so that the code of training computes the estimate
$\hat g$ of each batch. The sum over batches, $\sum p \, \hat g$, is the exact expectation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments.catalogue import earned_mdp_of, mdp_of
from pg.environments.mdp import MDP, Step, count_trajectories
from pg.environments.record import Environment
from pg.environments.rewards import paid


class NoTables(ValueError):
    """The environment has no transition tables."""


class EnumerationTooLarge(ValueError):
    """More trajectories or batches than the limit allows."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    r"""All M trajectories of an MDP that have positive probability under some policy.

    Attributes
    ----------
    mdp
        The MDP.
    trajectories
        S = 1, N = M, T = horizon, in float64, with their states.
    environment_probabilities
        (M,), the environment's factor $p(s_0) \prod_t p(\text{outcome}_t \mid s_t, a_t)$ of each probability.
    """

    mdp: MDP
    trajectories: Trajectories
    environment_probabilities: Float[Tensor, " M"]

    def probabilities(self, policy: Float[Tensor, "#T S A"]) -> Float[Tensor, " M"]:
        r"""Compute $p_\theta(\tau) = p(s_0) \prod_t \pi_t(a_t \mid s_t) \, p(\text{outcome}_t \mid s_t, a_t)$.

        They are differentiable in the action probabilities and sum to 1.
        """
        states = self.trajectories.states
        assert states is not None, "enumerated trajectories have states"
        steps = torch.arange(states.shape[-1])
        every_step = policy.expand(len(steps), -1, -1)
        chosen = every_step[steps, states[0], self.trajectories.actions[0]]
        return self.environment_probabilities * chosen.where(self.trajectories.mask[0], 1).prod(-1)


def enumerate_trajectories(mdp: MDP, limit: int) -> Enumeration:
    """Build every trajectory of positive probability; more than `limit` of them raise an EnumerationTooLarge."""
    count = count_trajectories(mdp)
    if count > limit:
        raise EnumerationTooLarge(
            f"{count:,} trajectories are more than the limit of {limit:,}: give the environment a shorter `horizon` or "
            "raise the limit"
        )
    paths = [path for start in np.flatnonzero(mdp.start) for path in _paths(mdp, int(start), mdp.horizon)]
    mask = np.arange(mdp.horizon) < np.array([len(path) for path in paths])[:, None]
    steps = np.zeros((*mask.shape, 3), dtype=np.int64)
    steps[mask] = [step for path in paths for step in path]
    indices = states, actions, _ = steps[..., 0], steps[..., 1], steps[..., 2]
    is_last = np.arange(mdp.horizon) == mdp.horizon - 1
    rewards = np.where(is_last, mdp.rewards_at(mdp.horizon - 1)[indices], mdp.rewards[indices])
    terminated = np.any(mdp.terminates[indices] & mask, axis=-1)
    reached = mdp.next_states[indices][np.arange(len(mask)), mask.sum(-1) - 1]
    trajectories = Trajectories(
        observations=_one_batch(mdp.observations[states] * mask[..., None]),
        actions=_one_batch(actions),
        rewards=_one_batch(rewards * mask),
        mask=_one_batch(mask),
        terminated=_one_batch(terminated),
        truncated=_one_batch(~terminated),
        states=_one_batch(states),
        last_observations=_one_batch(mdp.observations[reached]),
    )
    chances = np.where(mask, mdp.probabilities[indices], 1)
    return Enumeration(mdp, trajectories, torch.as_tensor(mdp.start[states[:, 0]] * chances.prod(-1)))


def _paths(mdp: MDP, state: int, steps: int) -> Iterator[tuple[Step, ...]]:
    """Yield every possible sequence of at most `steps` (state, action, outcome) from a state."""
    if steps == 0:
        yield ()
        return
    for step in mdp.possible_steps(state):
        if mdp.terminates[step]:
            yield (step,)
        else:
            for rest in _paths(mdp, int(mdp.next_states[step]), steps - 1):
                yield (step, *rest)


def _one_batch(values: NDArray[np.generic]) -> Tensor:
    return torch.as_tensor(values).unsqueeze(0)


def enumerate_paid(environment: Environment, limit: int) -> Enumeration:
    """Build every trajectory of an environment, with the declared reward options applied.

    An environment without transition tables raises NoTables, one with more than `limit` trajectories
    EnumerationTooLarge.
    """
    earned, mdp = earned_mdp_of(environment), mdp_of(environment)
    if earned is None or mdp is None:
        raise NoTables(f"{environment.id} has no transition tables, so nothing can be enumerated")
    enumeration = enumerate_trajectories(earned, limit)
    return replace(enumeration, mdp=mdp, trajectories=paid(environment.rewards, enumeration.trajectories))


def tuples(enumeration: Enumeration, n: int, limit: int) -> Int[Tensor, "S N"]:
    """Return every ordered batch of n of the M trajectories, with repetition, as indices of trajectories, (M**n, n).

    A batch's probability is the product of its members'. More than `limit` batches raise an EnumerationTooLarge.
    """
    trajectories = enumeration.environment_probabilities.shape[0]
    if trajectories**n > limit:
        raise EnumerationTooLarge(
            f"{trajectories**n:,} batches of {n} out of {trajectories:,} trajectories are more than the limit of "
            f"{limit:,}: give the environment a shorter `horizon`, take smaller batches or raise the limit"
        )
    return torch.as_tensor(np.indices([trajectories] * n).reshape(n, -1).T.copy())


def batches(enumeration: Enumeration, members: Int[Tensor, "S N"]) -> Trajectories:
    """Arrange batches of enumerated trajectories, given by their indices as in `tuples`, on the S axis."""
    return enumeration.trajectories.map_tensors(lambda values: values[0, members])
