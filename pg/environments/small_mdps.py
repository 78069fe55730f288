"""Small tabular Markov decision processes: a bandit, corridors, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pg.environments.mdp import MDP


def bandit(horizon: int, rewards: Sequence[float] = (1.0, 0.0)) -> MDP:
    """Return a bandit: one state, one arm per reward; the trajectory ends with the first action."""
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
    """Return a corridor of `length` states with the goal at its right end, where the trajectory ends.

    Action 0 goes left and action 1 goes right; with probability `slip` the move goes the other way. Left of the first
    state is a wall. Every step earns `step_reward`, and the step that reaches the goal also earns `goal_reward`.
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
    """Return the short corridor with identical observations (Sutton & Barto 2018, example 13.1).

    Three states in a row with the goal on the right; the trajectory starts in the first state and ends at the goal.
    Action 0 goes left and action 1 goes right, except in the middle state, where they are reversed. Left of the first
    state is a wall. Every step costs 1. All states have the same observation, so a policy is one probability p of going
    right; its expected return tends to $-2(2 - p) / (p(1 - p))$ as the horizon grows.
    """
    # Index 3 is the goal. It has no row in the tables, because a trajectory that reaches it has ended.
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
    """Return a random MDP drawn from a seed.

    Next states and start states follow flat Dirichlet distributions; rewards of outcomes are standard normal. Each
    action ends the trajectory with its own probability, uniform between 0 and twice `termination` (at most 1), so that
    the length of a trajectory depends on its actions.
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
