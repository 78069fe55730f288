"""Tabular Markov decision processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Spaces

_SUM_TOLERANCE = 1e-9

Step = tuple[int, int, int]
"""State, action and number of the outcome."""

Outcome = tuple[float, int, float, bool]
"""Probability, next state, reward and whether the trajectory ends, in gymnasium's order."""

MOST_COUNTED = 10**30
"""Counting trajectories stops at this number, which is far more than can be enumerated."""


@dataclass(frozen=True, slots=True, eq=False)
class MDP:
    """A Markov decision process with finitely many states S_, actions A and outcomes K of each action.

    An outcome is a next state, a reward and whether the trajectory ends, as in gymnasium's transition tables: rewards
    may depend on the next state. Rows with fewer than K outcomes are padded with outcomes of probability 0.

    Attributes
    ----------
    probabilities
        (S_, A, K), each row sums to 1.
    next_states
        (S_, A, K), integers below S_.
    rewards
        (S_, A, K).
    terminates
        (S_, A, K), true where the trajectory ends with this outcome.
    start
        (S_,), distribution of the first state.
    horizon
        T, the number of steps after which every trajectory is truncated.
    observed
        (S_,), the index of each state's observation; equal for states that a policy cannot distinguish. Default: every
        state has its own.
    hidden
        Indices of the observation components that are removed.
    last_rewards
        (S_, A, K), rewards of step T − 1, where they differ from those of the other steps.
    """

    probabilities: NDArray[np.float64]
    next_states: NDArray[np.int64]
    rewards: NDArray[np.float64]
    terminates: NDArray[np.bool_]
    start: NDArray[np.float64]
    horizon: int
    observed: NDArray[np.int64] | None = None
    hidden: tuple[int, ...] = ()
    last_rewards: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check the shapes of the tables and that probabilities are distributions."""
        last = self.rewards if self.last_rewards is None else self.last_rewards
        tables = (self.probabilities, self.next_states, self.rewards, last, self.terminates)
        shapes = {table.shape for table in tables}
        if len(shapes) > 1 or self.start.shape != self.probabilities.shape[:1]:
            raise ValueError(
                f"tables need equal shapes and `start` a probability per state; the tables have {sorted(shapes)} and "
                f"`start` has {self.start.shape}"
            )
        for name, distribution in (("probabilities", self.probabilities), ("start", self.start)):
            if (distribution < 0).any() or (abs(distribution.sum(-1) - 1) > _SUM_TOLERANCE).any():
                raise ValueError(f"{name} must be distributions: not negative and summing to 1")

    @property
    def states(self) -> int:
        """Number of states."""
        return self.probabilities.shape[0]

    @property
    def actions(self) -> int:
        """Number of actions."""
        return self.probabilities.shape[1]

    @property
    def spaces(self) -> Spaces:
        """Sizes of the observation and action spaces."""
        return Spaces(observation_size=self.observations.shape[1], action_count=self.actions)

    @property
    def observation_indices(self) -> NDArray[np.int64]:
        """Index of each state's observation, (S_,)."""
        return np.arange(self.states) if self.observed is None else self.observed

    @property
    def observations(self) -> NDArray[np.float64]:
        """Observation of each state as a one-hot vector, (S_, O); all zeros if its component is hidden."""
        return np.delete(np.eye(int(self.observation_indices.max()) + 1)[self.observation_indices], self.hidden, axis=1)

    @property
    def transitions(self) -> NDArray[np.float64]:
        """P(s' | s, a) of outcomes that do not end the trajectory, (S_, A, S_); rows sum to at most 1."""
        table = np.zeros((self.states, self.actions, self.states))
        source, action, _ = np.indices(self.probabilities.shape)
        np.add.at(table, (source, action, self.next_states), self.probabilities * ~self.terminates)
        return table

    def rewards_at(self, step: int) -> NDArray[np.float64]:
        """Return the reward of each outcome at a step, (S_, A, K)."""
        return self.rewards if self.last_rewards is None or step < self.horizon - 1 else self.last_rewards

    def expected_rewards_at(self, step: int) -> NDArray[np.float64]:
        """Return r_t(s, a), the expected reward of an action at a step, (S_, A)."""
        return (self.probabilities * self.rewards_at(step)).sum(-1)

    def possible_steps(self, state: int) -> list[Step]:
        """List every (state, action, outcome) of positive probability from a state."""
        return [(state, int(action), int(outcome)) for action, outcome in np.argwhere(self.probabilities[state] > 0)]


def count_trajectories(mdp: MDP) -> int:
    """Count the trajectories of positive probability without building them, up to about `MOST_COUNTED`."""
    starts, after = np.flatnonzero(mdp.start > 0).tolist(), [1] * mdp.states
    for _ in range(mdp.horizon):
        before, after = (
            after,
            [
                sum(
                    1 if mdp.terminates[step] else after[int(mdp.next_states[step])]
                    for step in mdp.possible_steps(state)
                )
                for state in range(mdp.states)
            ],
        )
        # A longer horizon has at least as many trajectories, so counting may stop.
        if before == after or sum(after[start] for start in starts) > MOST_COUNTED:
            break
    return sum(after[start] for start in starts)


def mdp_from_outcomes(
    outcomes_of: Mapping[int, Mapping[int, Sequence[Outcome]]], start: NDArray[np.float64], horizon: int
) -> MDP:
    """Convert gymnasium's lists of outcomes per state and action to tables; equal outcomes are merged."""
    merged: dict[tuple[int, int], dict[tuple[int, float, bool], float]] = {}
    for s in range(len(outcomes_of)):
        for a in range(len(outcomes_of[0])):
            found = merged[s, a] = {}
            for probability, next_state, reward, terminated in outcomes_of[s][a]:
                outcome = (int(next_state), float(reward), bool(terminated))
                found[outcome] = found.get(outcome, 0.0) + float(probability)
    shape = (len(outcomes_of), len(outcomes_of[0]), max(map(len, merged.values())))
    probabilities, rewards = np.zeros(shape), np.zeros(shape)
    next_states, terminates = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    for (s, a), outcomes in merged.items():
        for k, (outcome, probability) in enumerate(outcomes.items()):
            probabilities[s, a, k] = probability
            next_states[s, a, k], rewards[s, a, k], terminates[s, a, k] = outcome
    return MDP(probabilities, next_states, rewards, terminates, start, horizon)


def with_potential(mdp: MDP, potential: NDArray[np.float64]) -> MDP:
    r"""Add potential-based shaping: the reward of a step from s to s' becomes $r + \Phi(s') - \Phi(s)$.

    The potential $\Phi(s)$, (S_,), is 0 after the last step, also at the horizon.

    Notes
    -----
    Ng, Harada & Russell 1999, theorem 1, for a finite horizon. The potentials of a trajectory cancel except the first:
    its return becomes $R - \Phi(s_0)$ and its reward-to-go $G_t - \Phi(s_t)$, as with a state baseline. $\nabla J$ of
    every policy and the set of optimal policies stay the same; J falls by $\mathbb{E}[\Phi(s_0)]$.
    """
    before, after = potential[:, None, None], np.where(mdp.terminates, 0, potential[mdp.next_states])
    last = mdp.rewards_at(mdp.horizon - 1) - before
    return replace(mdp, rewards=mdp.rewards + after - before, last_rewards=last)
