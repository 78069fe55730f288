"""Markov decision processes that are known as tables, and stepping S × N copies of one.

Importing this module makes the environments of `pg` known to gymnasium (`register`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.trajectories import Spaces, Transition

_SUM_TOLERANCE = 1e-9

Step = tuple[int, int, int]
Outcome = tuple[float, int, float, bool]


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

    @property
    def expected_rewards(self) -> NDArray[np.float64]:
        """r(s, a), the expected reward of an action before the last step, (S_, A)."""
        return (self.probabilities * self.rewards).sum(-1)

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
        Per state and action, lists of (probability, next state, reward, terminated).
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


class TabularEnvironments:
    """S × N copies of an MDP; every draw comes from the generator of its seed."""

    def __init__(self, mdp: MDP, seeds: int, trajectories: int) -> None:
        self.spaces = mdp.spaces
        self.horizon = mdp.horizon
        self._mdp = mdp
        self._shape = (seeds, trajectories)
        self._start = _distribution_function(mdp.start)
        self._outcomes = _distribution_function(mdp.probabilities)
        self._generators: Sequence[np.random.Generator] = ()
        self._observations = mdp.observations.astype(np.float32)
        self._states = np.zeros(self._shape, dtype=np.int64)
        self._steps = 0

    @property
    def states(self) -> NDArray[np.int64]:
        """The numbers of the present states, (S, N)."""
        return self._states

    def resized(self, seeds: int) -> TabularEnvironments:
        """Return new copies: they cost nothing."""
        return TabularEnvironments(self._mdp, seeds, self._shape[1])

    def reset(self, generators: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """Draw N start states of each seed from its generator, which also decides what follows."""
        self._generators = generators
        self._steps = 0
        self._states = _invert(self._start, self._uniform(np.ones(self._shape, dtype=np.bool_)))
        return self._observations[self._states]

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Draw the outcome of each action; a seed without a living copy draws nothing."""
        index = (self._states, actions.astype(np.int64))
        outcome = (*index, _invert(self._outcomes[index], self._uniform(alive)))
        rewards = self._mdp.rewards_at(self._steps)[outcome]
        self._states = self._mdp.next_states[outcome]
        self._steps += 1
        terminated = self._mdp.terminates[outcome]
        return Transition(
            observations=self._observations[self._states],
            rewards=rewards,
            terminated=terminated,
            truncated=~terminated & (self._steps >= self.horizon),
        )

    def _uniform(self, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
        # A seed always draws for all of its N copies: which of them are alive must not shift what the others draw.
        numbers = np.zeros(self._shape)
        for seed, generator in enumerate(self._generators):
            if alive[seed].any():
                numbers[seed] = generator.random(self._shape[1])
        return numbers


class TabularEnv(gymnasium.Env[np.int64, np.int64]):
    """An MDP as a gymnasium environment with discrete observations; its horizon is left to gymnasium's TimeLimit."""

    def __init__(self, mdp: MDP) -> None:
        self.mdp = mdp
        self.observation_space = gymnasium.spaces.Discrete(mdp.spaces.observation_size)
        self.action_space = gymnasium.spaces.Discrete(mdp.actions)
        self._start = _distribution_function(mdp.start)
        self._outcomes = _distribution_function(mdp.probabilities)
        self._state = np.int64(0)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Draw a start state."""
        super().reset(seed=seed, options=options)
        self._state = np.int64(_invert(self._start, self.np_random.random()))
        self._steps = 0
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Draw an outcome of the action."""
        index = (self._state, int(action))
        outcome = (*index, int(_invert(self._outcomes[index], self.np_random.random())))
        reward, terminated = float(self.mdp.rewards_at(self._steps)[outcome]), bool(self.mdp.terminates[outcome])
        self._state = self.mdp.next_states[outcome]
        self._steps += 1
        return self._observation(), reward, terminated, False, {}

    def _observation(self) -> np.int64:
        return np.int64(self.mdp.seen_as[self._state])


def bandit(horizon: int, rewards: Sequence[float] = (1.0, 0.0)) -> MDP:
    """Make a bandit: one state, one arm per reward, and the trajectory ends with the first pull."""
    arms = len(rewards)
    return MDP(
        probabilities=np.ones((1, arms, 1)),
        next_states=np.zeros((1, arms, 1), dtype=np.int64),
        rewards=np.asarray(rewards, dtype=np.float64).reshape(1, arms, 1),
        terminates=np.ones((1, arms, 1), dtype=np.bool_),
        start=np.ones(1),
        horizon=horizon,
    )


def chain(horizon: int, length: int = 4, slip: float = 0.1, goal_reward: float = 1.0, step_reward: float = -0.1) -> MDP:
    """Make a corridor: walk right through `length` states to the goal, where the trajectory ends.

    Action 0 goes left and action 1 goes right, but with probability `slip` the other way; left of the first state is a
    wall. Every step costs `step_reward`, and the one that reaches the goal earns `goal_reward` as well.
    """
    here = np.arange(length)
    neighbours = np.stack([np.maximum(here - 1, 0), here + 1], axis=-1)
    reaches_goal = np.broadcast_to((neighbours == length)[:, None, :], (length, 2, 2))
    return MDP(
        probabilities=np.broadcast_to([[1 - slip, slip], [slip, 1 - slip]], (length, 2, 2)),
        next_states=np.broadcast_to((neighbours % length)[:, None, :], (length, 2, 2)),
        rewards=step_reward + goal_reward * reaches_goal,
        terminates=reaches_goal,
        start=np.eye(length)[0],
        horizon=horizon,
    )


def corridor(horizon: int) -> MDP:
    """Make the short corridor whose states look alike (Sutton & Barto 2018, example 13.1).

    Three states in a row, the goal right of the last; the trajectory starts in the first and ends at the goal. Action 0
    goes left and action 1 goes right, but in the middle state the other way round; left of the first state is a wall.
    Every step costs 1. A policy sees the same in every state, so that all it can do is go right with some probability
    p; its expected return tends to $-2(2 - p) / (p(1 - p))$ as the horizon grows.
    """
    # Behind the last state lies the goal. It is no row of the tables: a trajectory that gets there has ended.
    reached = np.array([[0, 1], [2, 0], [1, 3]])[..., None]
    states = len(reached)
    return MDP(
        probabilities=np.ones(reached.shape),
        next_states=reached % states,
        rewards=np.full(reached.shape, -1.0),
        terminates=reached == states,
        start=np.eye(states)[0],
        horizon=horizon,
        observed=np.zeros(states, dtype=np.int64),
    )


def random_mdp(horizon: int, states: int = 3, actions: int = 2, seed: int = 0, termination: float = 0.3) -> MDP:
    """Draw an MDP from a seed.

    Next states and start states follow flat Dirichlet distributions and rewards a standard normal one, each outcome
    its own. An action ends the trajectory with a probability drawn between 0 and twice `termination` (at most 1), so
    that how long a trajectory lasts depends on what is done in it.
    """
    generator = np.random.default_rng(seed)
    ending = generator.uniform(0, min(2 * termination, 1), size=(states, actions, 1))
    going_on = generator.dirichlet(np.ones(states), size=(states, actions))
    outcomes = np.arange(states + 1)
    shape = (states, actions, states + 1)
    return MDP(
        probabilities=np.concatenate([(1 - ending) * going_on, ending], axis=-1),
        next_states=np.broadcast_to(outcomes % states, shape),
        rewards=generator.standard_normal(shape),
        terminates=np.broadcast_to(outcomes == states, shape),
        start=generator.dirichlet(np.ones(states)),
        horizon=horizon,
    )


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


def _jacket_folding(horizon: int, **kwargs: Any) -> MDP:
    # Imported when asked for: its module is made of what this one defines.
    from pg.environments.jacket_folding import jacket_folding

    return jacket_folding(horizon, **kwargs)


@dataclass(frozen=True, slots=True)
class _Entry:
    """How one of the environments of `pg` is made, and its horizon where none is declared."""

    make: Callable[..., MDP]
    horizon: int


OWN: Mapping[str, _Entry] = {
    "pg/Bandit-v0": _Entry(bandit, 1),
    "pg/Chain-v0": _Entry(chain, 12),
    "pg/Corridor-v0": _Entry(corridor, 100),
    "pg/JacketFolding-v0": _Entry(_jacket_folding, 4),
    "pg/Random-v0": _Entry(random_mdp, 8),
}


def tabular_mdp(id: str, kwargs: Mapping[str, Any], horizon: int) -> MDP | None:
    """Return the tables of an environment, or None where none are known.

    Parameters
    ----------
    id
        One of `OWN`, or a gymnasium id.
    kwargs
        Keyword arguments of the environment.
    horizon
        Steps after which a trajectory is cut off.

    Raises
    ------
    gymnasium.error.Error
        If gymnasium does not know the id.
    """
    if id in OWN:
        return OWN[id].make(horizon, **kwargs)
    copy: Any = gymnasium.make(id, disable_env_checker=True, **kwargs).unwrapped
    copy.close()
    table, start = getattr(copy, "P", None), getattr(copy, "initial_state_distrib", None)
    # Taxi's fickle passenger changes states beside the table.
    if table is None or start is None or getattr(copy, "fickle_passenger", False):
        return None
    return mdp_from_outcomes(table, np.asarray(start, dtype=np.float64), horizon)


def register() -> None:
    """Make the environments of `pg` known to gymnasium; doing so again changes nothing."""
    for id, entry in OWN.items():
        if id not in gymnasium.registry:
            gymnasium.register(id, entry_point=partial(_make_env, entry), max_episode_steps=entry.horizon)


def _make_env(entry: _Entry, **kwargs: Any) -> TabularEnv:
    return TabularEnv(entry.make(entry.horizon, **kwargs))


def _distribution_function(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    # Dividing by the last value makes the function reach 1 exactly at the last outcome that can happen, so that no
    # uniform number below 1 selects one of the outcomes padded behind it.
    cumulative = probabilities.cumsum(-1)
    return cumulative / cumulative[..., -1:]


def _invert(distribution_function: NDArray[np.float64], uniform: NDArray[np.float64] | float) -> NDArray[np.int64]:
    return (np.asarray(uniform)[..., None] >= distribution_function).sum(-1)


register()
