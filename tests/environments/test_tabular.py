"""Environments that are stepped from tables."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces
from pg.environments.compiled import CompiledEnvironments
from pg.environments.copies import make_environments
from pg.environments.mdp import MDP, with_potential
from pg.environments.record import Environment, Observations
from pg.environments.small_mdps import chain, random_mdp
from pg.environments.tables import tables
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, PolicyActor, actor_of, collect
from pg.parts.variant import PolicyOptions
from scipy.stats import binomtest


class Acting:
    """An actor that is not a policy's, so that copies are stepped one step at a time."""

    def __init__(self, actor: PolicyActor) -> None:
        self.noise, self.act = actor.noise, actor.act


class AlmostOne(np.random.Generator):
    """Draws the largest uniform number there is, each time."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, *_: Any, **__: Any) -> Any:
        return np.full(size, np.nextafter(1, 0))


def copies_of(mdp: MDP, count: int) -> CompiledEnvironments:
    return CompiledEnvironments(tables(mdp), mdp.horizon, count)


def roll(environments: CompiledEnvironments) -> list[np.ndarray]:
    """Act at random, and record the results of the copies that are alive."""
    observations = environments.reset(np.random.default_rng(3))
    alive = np.ones(len(observations), dtype=bool)
    seen, drawing = [observations], np.random.default_rng(0)
    for _ in range(environments.horizon):
        actions = drawing.integers(2, size=len(alive))
        transition = environments.step(actions, alive)
        seen += [transition.observations * alive[..., None], (transition.rewards * alive)[..., None]]
        alive &= ~transition.terminated
    return seen


def test_potential_changes_no_draws() -> None:
    mdp, potential = random_mdp(3, states=2, seed=5), np.array([2.0, 0.7])
    plain = roll(copies_of(mdp, 12))
    environments = copies_of(with_potential(mdp, potential), 12)
    shaped = roll(environments)
    assert all(np.array_equal(seen, same) for seen, same in zip(plain[1::2], shaped[1::2], strict=True))
    first = plain[0].argmax(-1)
    returns, shaped_returns = (np.sum(found[2::2], axis=0).squeeze(-1) for found in (plain, shaped))
    np.testing.assert_allclose(shaped_returns, returns - potential[first])
    assert environments.spaces == copies_of(mdp, 12).spaces


def test_gymnasium_steps_the_same_process() -> None:
    env, mdp = gymnasium.make("pg/Chain-v0", length=2, slip=0.3), chain(12, length=2, slip=0.3)
    env.reset(seed=0)
    slipped = 0
    for _ in range(500):
        env.reset()
        after, reward, terminated, _, _ = env.step(1)
        slipped += after == 0
        assert (reward, terminated) == (mdp.rewards[0, 1, 0], False)
    assert binomtest(slipped, 500, 0.3).pvalue > 1e-4


def test_observations_are_one_hot() -> None:
    environments = copies_of(random_mdp(5, states=4, actions=3), 7)
    assert environments.spaces == Spaces(observation_size=4, action_count=3)
    assert environments.horizon == 5
    observations = environments.reset(np.random.default_rng(0))
    assert observations.dtype == np.float32
    assert observations.shape == (7, 4)
    assert ((observations == 0) | (observations == 1)).all()
    assert (observations.sum(-1) == 1).all()


def test_states_may_look_alike_after_every_step() -> None:
    mdp, looks = random_mdp(4, states=3, seed=2), np.array([1, 0, 1])
    plain, alike = roll(copies_of(mdp, 12)), roll(copies_of(replace(mdp, observed=looks), 12))
    # The first observations, then those of each step and its rewards.
    for seen, found in zip([plain[0], *plain[1::2]], [alike[0], *alike[1::2]], strict=True):
        alive = seen.any(-1)
        np.testing.assert_array_equal(found[alive].argmax(-1), looks[seen[alive].argmax(-1)])
        assert found.shape == (12, 2)


def test_outcomes_follow_the_tables() -> None:
    mdp, copies = random_mdp(1, states=3, seed=2), 20_000
    environments = copies_of(mdp, copies)
    first = environments.reset(np.random.default_rng(0)).argmax(-1)
    transition = environments.step(np.ones(copies, dtype=np.int64), np.ones(copies, dtype=bool))
    for state in range(3):
        here = first == state
        assert binomtest(int(here.sum()), copies, mdp.start[state]).pvalue > 1e-4
        for outcome in range(4):
            happened = transition.rewards[here] == mdp.rewards[state, 1, outcome]
            assert binomtest(int(happened.sum()), int(here.sum()), mdp.probabilities[state, 1, outcome]).pvalue > 1e-4
            assert (transition.terminated[here][happened] == mdp.terminates[state, 1, outcome]).all()


def test_padded_outcomes_never_happen() -> None:
    """Ten times 0.1 adds up to less than 1: a number in between must still select the last of the ten."""
    outcomes = np.arange(11)
    mdp = MDP(
        probabilities=np.where(outcomes < 10, 0.1, 0.0).reshape(1, 1, 11),
        next_states=np.zeros((1, 1, 11), dtype=np.int64),
        rewards=outcomes.astype(np.float64).reshape(1, 1, 11),
        terminates=np.zeros((1, 1, 11), dtype=np.bool_),
        start=np.ones(1),
        horizon=3,
    )
    environments = copies_of(mdp, 5)
    environments.reset(AlmostOne())
    transition = environments.step(np.zeros(5, dtype=np.int64), np.ones(5, dtype=bool))
    assert (transition.rewards == 9).all()


def test_a_copy_may_be_stepped_after_the_horizon() -> None:
    mdp = chain(2, length=2, slip=0)
    environments = copies_of(mdp, 2)
    environments.reset(np.random.default_rng(0))
    for _ in range(5):
        environments.step(np.zeros(2, dtype=np.int64), np.ones(2, dtype=bool))
    assert environments.positions[:, 0].tolist() == [0, 0]


def test_rollouts_record_the_states_that_step_by_step_sampling_visits() -> None:
    """In the corridor all states have one observation; in the chain one component of the observation is hidden."""
    environment = Environment(id="pg/Corridor-v0", horizon=30)
    hidden = Environment(id="pg/Chain-v0", kwargs={"length": 3}, observations=Observations(hide=(1,)))
    for declared in (environment, hidden):
        copies = make_environments(declared, 16)
        policy = Policy(PolicyOptions(hidden=(4,)), copies.spaces, torch_generator(0, "test"))
        actor = actor_of(policy)
        compiled = collect(copies, actor, Generators.of(0, "test"))
        stepped = collect(copies, Acting(actor), Generators.of(0, "test"))
        for name in ("observations", "states", "actions", "rewards", "mask", "terminated", "last_observations"):
            assert torch.equal(getattr(compiled, name), getattr(stepped, name)), name
        assert compiled.states is not None
        assert len(compiled.states.unique()) == 3
