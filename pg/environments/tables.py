"""The tables of a Markov decision process with compiled dynamics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pg.core.compiled import as_argument, compiled
from pg.core.trajectories import Spaces
from pg.environments.compiled import OBSERVE, STEP, Dynamics
from pg.environments.mdp import MDP
from pg.environments.tabular import distribution_function, inverted

# What a copy's state holds, before the uniform numbers that draw its outcomes, one for each step.
_STATE, _OBSERVED, _STEP, _DRAWS = range(4)
# What the constants hold, before the tables.
_STATES, _ACTIONS, _OUTCOMES, _HORIZON, _TABLES = range(5)
# The tables by outcome, in their order; the observations of states follow.
_DRAWN_BELOW, _NEXT, _REWARD, _LAST_REWARD, _ENDS, _OBSERVATIONS = range(6)


def tables(mdp: MDP) -> Dynamics:
    """Return the dynamics of an MDP, which observes all components.

    All outcomes of a trajectory are drawn with its start state, so that no draw depends on other copies.
    """
    start, outcomes = distribution_function(mdp.start), distribution_function(mdp.probabilities)
    last = mdp.rewards_at(mdp.horizon - 1)
    by_outcome = (outcomes, mdp.next_states, mdp.rewards, last, mdp.terminates)
    constants = [*mdp.probabilities.shape, mdp.horizon, *np.stack(by_outcome).ravel(), *mdp.observation_indices]

    def first(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
        found = np.zeros((count, _DRAWS + mdp.horizon))
        found[:, _STATE] = states = inverted(start, generator.random(count))
        found[:, _OBSERVED] = mdp.observation_indices[states]
        found[:, _DRAWS:] = generator.random((mdp.horizon, count)).T
        return found

    return Dynamics(
        spaces=Spaces(observation_size=int(mdp.observation_indices.max()) + 1, action_count=mdp.actions),
        step=as_argument(_step, STEP),
        observe=as_argument(_observe, OBSERVE),
        constants=np.array(constants, dtype=np.float64),
        start=first,
        is_numbered=True,
    )


@compiled(STEP)
def _step(state: NDArray[np.float64], action: int, constants: NDArray[np.float64]) -> tuple[float, bool]:
    states, actions, outcomes = int(constants[_STATES]), int(constants[_ACTIONS]), int(constants[_OUTCOMES])
    # After the horizon, where compiled code would read what is not its own, the last draw is used again.
    last, now = int(constants[_HORIZON]) - 1, int(state[_STEP])
    now, size = min(now, last), states * actions * outcomes
    row = _TABLES + _DRAWN_BELOW * size + (int(state[_STATE]) * actions + action) * outcomes
    outcome = 0
    while state[_DRAWS + now] >= constants[row + outcome]:
        outcome += 1
    drawn = row + outcome
    following, reward = constants[drawn + _NEXT * size], _LAST_REWARD if now == last else _REWARD
    state[_STATE] = following
    state[_OBSERVED] = constants[_TABLES + _OBSERVATIONS * size + int(following)]
    state[_STEP] = now + 1
    return constants[drawn + reward * size], constants[drawn + _ENDS * size] == 1


@compiled(OBSERVE)
def _observe(state: NDArray[np.float64], observation: NDArray[np.float32]) -> None:
    observation[:] = 0
    observation[int(state[_OBSERVED])] = 1
