"""Markov decision processes that are known as tables."""

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


@dataclass(frozen=True, slots=True, eq=False)
class MDP:
    """A Markov decision process with finitely many states S_, actions A and outcomes K of each action.

    An outcome is a next state together with a reward and whether the trajectory ends there, as in gymnasium's own
    transition tables, so that rewards may depend on where an action leads. Rows with fewer than K outcomes are padded
    with outcomes of probability 0.

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
        T, the step after which every trajectory is cut off.
    observed
        (S_,), the number of what a policy sees in each state: equal where it cannot tell states apart. By default
        every state is seen as itself.
    hidden
        Numbers that a policy does not see: their columns are missing from what it is shown.
    last_rewards
        (S_, A, K), what the last step within the horizon pays, where that differs from what others do.
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
        """Refuse tables that do not fit together or are no distributions."""
        last = self.rewards if self.last_rewards is None else self.last_rewards
        tables = (self.probabilities, self.next_states, self.rewards, last, self.terminates)
        shapes = {table.shape for table in tables}
        if len(shapes) > 1 or self.start.shape != self.probabilities.shape[:1]:
            raise ValueError(f"tables of shapes {sorted(shapes)} and start states of shape {self.start.shape}")
        for name, distribution in (("probabilities", self.probabilities), ("start", self.start)):
            if (distribution < 0).any() or (abs(distribution.sum(-1) - 1) > _SUM_TOLERANCE).any():
                raise ValueError(f"{name} must be distributions: not negative and summing to 1")

    def possible_steps(self, state: int) -> list[Step]:
        """List every (state, action, outcome) of positive probability that begins in a state."""
        return [(state, int(action), int(outcome)) for action, outcome in np.argwhere(self.probabilities[state] > 0)]

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
        """What a policy must know of the MDP."""
        return Spaces(observation_size=self.observations.shape[1], action_count=self.actions)

    @property
    def seen_as(self) -> NDArray[np.int64]:
        """The number of the observation that each state gives, (S_,)."""
        return np.arange(self.states) if self.observed is None else self.observed

    @property
    def observations(self) -> NDArray[np.float64]:
        """What a policy sees in each state, as one-hot vectors (S_, O); all zeros where it is hidden."""
        return np.delete(np.eye(int(self.seen_as.max()) + 1)[self.seen_as], self.hidden, axis=1)

    def expected_rewards_at(self, step: int) -> NDArray[np.float64]:
        """r_t(s, a), the expected reward of an action at a step, (S_, A)."""
        return (self.probabilities * self.rewards_at(step)).sum(-1)

    def rewards_at(self, step: int) -> NDArray[np.float64]:
        """Return what each outcome pays at a step, (S_, A, K)."""
        return self.rewards if self.last_rewards is None or step < self.horizon - 1 else self.last_rewards

    @property
    def transitions(self) -> NDArray[np.float64]:
        """P(s' | s, a) without the outcomes that end the trajectory, (S_, A, S_): rows sum to 1 or less."""
        table = np.zeros((self.states, self.actions, self.states))
        source, action, _ = np.indices(self.probabilities.shape)
        np.add.at(table, (source, action, self.next_states), self.probabilities * ~self.terminates)
        return table


MOST_COUNTED = 10**30
"""Trajectories that are counted one by one: far more than can be enumerated."""


def count_trajectories(mdp: MDP) -> int:
    """Count the trajectories of positive probability, without building them; not far beyond `MOST_COUNTED`."""
    after: list[int] = [1] * mdp.states
    for _ in range(mdp.horizon):
        before, after = after, [_count_from(mdp, state, after) for state in range(mdp.states)]
        # Longer trajectories are at least as many.
        if before == after or _from_start(mdp, after) > MOST_COUNTED:
            break
    return _from_start(mdp, after)


def _from_start(mdp: MDP, counts: list[int]) -> int:
    return sum(count for count, probability in zip(counts, mdp.start, strict=True) if probability > 0)


def _count_from(mdp: MDP, state: int, after: list[int]) -> int:
    return sum(1 if mdp.terminates[step] else after[int(mdp.next_states[step])] for step in mdp.possible_steps(state))


def mdp_from_outcomes(
    outcomes_of: Mapping[int, Mapping[int, Sequence[Outcome]]], start: NDArray[np.float64], horizon: int
) -> MDP:
    """Make tables of lists of outcomes, as gymnasium writes them; equal outcomes of an action become one.

    Parameters
    ----------
    outcomes_of
        Outcomes per state and action.
    start
        (S_,), distribution of the first state.
    horizon
        T, the step after which every trajectory is cut off.
    """
    states, actions = len(outcomes_of), len(outcomes_of[0])
    merged = {(s, a): _merged(outcomes_of[s][a]) for s in range(states) for a in range(actions)}
    shape = (states, actions, max(len(outcomes) for outcomes in merged.values()))
    probabilities, rewards = np.zeros(shape), np.zeros(shape)
    next_states, terminates = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    for (s, a), outcomes in merged.items():
        for k, (outcome, probability) in enumerate(outcomes.items()):
            probabilities[s, a, k] = probability
            next_states[s, a, k], rewards[s, a, k], terminates[s, a, k] = outcome
    return MDP(probabilities, next_states, rewards, terminates, start, horizon)


def _merged(outcomes: Sequence[Outcome]) -> dict[tuple[int, float, bool], float]:
    probabilities: dict[tuple[int, float, bool], float] = {}
    for probability, next_state, reward, terminated in outcomes:
        outcome = (int(next_state), float(reward), bool(terminated))
        probabilities[outcome] = probabilities.get(outcome, 0.0) + float(probability)
    return probabilities


def with_potential(mdp: MDP, potential: NDArray[np.float64]) -> MDP:
    r"""Pay for progress: the reward of a step from s to s' becomes $r + \Phi(s') - \Phi(s)$.

    Parameters
    ----------
    mdp
        Its tables.
    potential
        (S_,), $\Phi(s)$. It counts as 0 once the trajectory has ended, and so at the horizon.

    Notes
    -----
    Ng, Harada & Russell 1999, theorem 1, for a finite horizon. Along a trajectory the potentials cancel but for the
    first: its return becomes $R - \Phi(s_0)$ and its reward-to-go $G_t - \Phi(s_t)$, which is what a baseline does. So
    every policy keeps its $\nabla J$, loses $\mathbb{E}[\Phi(s_0)]$ of its J, and is optimal if it was before.
    """
    left, reached = potential[:, None, None], np.where(mdp.terminates, 0, potential[mdp.next_states])
    last = mdp.rewards_at(mdp.horizon - 1) - left
    return replace(mdp, rewards=mdp.rewards + reached - left, last_rewards=last)
