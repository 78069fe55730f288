"""Tables, and environments that are stepped from them."""

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.exact import objective
from pg.environments.tabular import (
    MDP,
    OWN,
    TabularEnvironments,
    bandit,
    chain,
    corridor,
    random_mdp,
    register,
    tabular_mdp,
    with_potential,
)
from pg.trajectories import Spaces
from scipy.stats import binomtest

OWN_IDS = ["pg/Bandit-v0", "pg/Chain-v0", "pg/Corridor-v0", "pg/JacketFolding-v0", "pg/Random-v0"]
POTENTIALS = {
    "chain": (chain(4, length=2, slip=0.2), np.array([0.3, -1.1])),
    "random": (random_mdp(3, states=2, seed=5), np.array([2.0, 0.7])),
    "corridor": (corridor(5), np.array([0.0, 1.0, 2.0])),
}


class AlmostOne(np.random.Generator):
    """Draws the largest uniform number there is, each time."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: Any = None, *_: Any, **__: Any) -> Any:
        return np.full(size, np.nextafter(1, 0))


def generators(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def roll(environments: TabularEnvironments, sources: list[np.random.Generator], lanes: int) -> list[np.ndarray]:
    """Act at random, each seed by its own numbers, and record what the living copies saw."""
    observations = environments.reset(sources)
    alive = np.ones(observations.shape[:2], dtype=bool)
    seen = [observations]
    for step in range(environments.horizon):
        actions = np.tile(np.random.default_rng(step).integers(2, size=lanes), (len(sources), 1))
        transition = environments.step(actions, alive)
        seen += [transition.observations * alive[..., None], (transition.rewards * alive)[..., None]]
        alive &= ~transition.terminated & ~transition.truncated
    assert not alive.any()
    return seen


@pytest.mark.parametrize("mdp", [bandit(1), chain(6, slip=0.3), random_mdp(5, states=4, actions=3)])
def test_transitions_and_terminations_sum_to_one(mdp: MDP) -> None:
    ending = (mdp.probabilities * mdp.terminates).sum(-1)
    np.testing.assert_allclose(mdp.transitions.sum(-1) + ending, 1)


def test_chain_by_hand() -> None:
    mdp = chain(6, length=2, slip=0.25, goal_reward=1, step_reward=-0.1)
    # From the last state: left leads back with 3/4 and slips into the goal with 1/4.
    assert mdp.transitions.tolist() == [[[0.75, 0.25], [0.25, 0.75]], [[0.75, 0], [0.25, 0]]]
    np.testing.assert_allclose(mdp.expected_rewards, [[-0.1, -0.1], [0.25 - 0.1, 0.75 - 0.1]])


def test_corridor_by_hand() -> None:
    mdp = corridor(5)
    left, right = mdp.transitions[:, 0], mdp.transitions[:, 1]
    assert left.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert right.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert (mdp.rewards == -1).all()


def test_the_corridors_goal_is_reached_by_right_left_right_although_all_looks_the_same() -> None:
    environments = TabularEnvironments(corridor(9), 1, 1)
    seen, alive, where = [environments.reset(generators(0))], np.ones((1, 1), dtype=bool), []
    for action in (1, 0, 1):
        where.append(int(environments.states.item()))
        transition = environments.step(np.array([[action]]), alive)
        seen.append(transition.observations)
    assert where == [0, 1, 2]
    assert transition.terminated.all()
    assert all(np.array_equal(observation, [[[1.0]]]) for observation in seen)


@pytest.mark.parametrize(("mdp", "potential"), POTENTIALS.values(), ids=POTENTIALS.keys())
def test_a_potential_is_taken_off_every_reward_to_go(mdp: MDP, potential: np.ndarray) -> None:
    plain = enumerate_trajectories(mdp, 1_000).trajectories
    shaped = enumerate_trajectories(with_potential(mdp, potential), 1_000).trajectories
    for name in ("observations", "actions", "mask", "terminated", "truncated", "states"):
        assert torch.equal(getattr(shaped, name), getattr(plain, name))
    assert plain.states is not None
    to_go, shaped_to_go = (found.rewards.flip(-1).cumsum(-1).flip(-1) for found in (plain, shaped))
    owed = torch.as_tensor(potential)[plain.states] * plain.mask
    torch.testing.assert_close(shaped_to_go, to_go - owed, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("mdp", "potential"), POTENTIALS.values(), ids=POTENTIALS.keys())
def test_a_potential_leaves_the_gradient_as_it_was(mdp: MDP, potential: np.ndarray) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(mdp.states, mdp.actions, generator=generator, dtype=torch.float64, requires_grad=True)
    policy = logits.softmax(-1).unsqueeze(0)
    plain = objective(mdp, policy)
    shaped = objective(with_potential(mdp, potential), policy)
    assert (plain - shaped).item() == pytest.approx(mdp.start @ potential, rel=1e-12)
    gradients = [torch.autograd.grad(value, logits, retain_graph=True) for value in (shaped, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-14)


def test_copies_with_a_potential_draw_what_they_drew_without() -> None:
    mdp, potential = POTENTIALS["random"]
    plain = roll(TabularEnvironments(mdp, 2, 6), generators(3, 4), 6)
    environments = TabularEnvironments(with_potential(mdp, potential), 2, 6)
    shaped = roll(environments, generators(3, 4), 6)
    assert all(np.array_equal(seen, same) for seen, same in zip(plain[1::2], shaped[1::2], strict=True))
    first = plain[0].argmax(-1)
    returns, shaped_returns = (np.sum(found[2::2], axis=0).squeeze(-1) for found in (plain, shaped))
    np.testing.assert_allclose(shaped_returns, returns - potential[first])
    assert environments.spaces == TabularEnvironments(mdp, 2, 6).spaces


def test_random_mdps_follow_their_seed() -> None:
    assert np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=1).rewards)
    assert not np.array_equal(random_mdp(4, seed=1).rewards, random_mdp(4, seed=2).rewards)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full((1, 2, 1), 0.9)}, "probabilities must be distributions"),
        ({"start": np.array([2.0])}, "start must be distributions"),
        ({"rewards": np.zeros((1, 3, 1))}, "tables of shapes"),
        ({"start": np.array([0.5, 0.5])}, "start states of shape"),
    ],
)
def test_impossible_tables_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(bandit(1), **change)


def test_gymnasium_tables_are_read_outcome_by_outcome() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {"map_name": "4x4", "is_slippery": True}, 20)
    assert mdp is not None
    lake: Any = gymnasium.make("FrozenLake-v1").unwrapped
    for state in range(16):
        for action in range(4):
            expected = np.zeros((16, 2))
            reward = 0.0
            for probability, after, earned, terminated in lake.P[state][action]:
                expected[after, int(terminated)] += probability
                reward += probability * earned
            found = np.zeros((16, 2))
            np.add.at(
                found,
                (mdp.next_states[state, action], mdp.terminates[state, action].astype(int)),
                mdp.probabilities[state, action],
            )
            np.testing.assert_allclose(found, expected)
            assert mdp.expected_rewards[state, action] == pytest.approx(reward)


def test_rewards_that_depend_on_the_next_state_are_kept() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {}, 20)
    assert mdp is not None
    # Beside the goal (state 15), one action leads to it and elsewhere: only the step into it is rewarded.
    outcomes = {int(after): reward for after, reward in zip(mdp.next_states[14, 2], mdp.rewards[14, 2], strict=True)}
    assert outcomes == {15: 1.0, 14: 0.0, 10: 0.0}


@pytest.mark.parametrize(("id", "states"), [("CliffWalking-v1", 48), ("Taxi-v4", 500)])
def test_other_toy_texts_have_tables(id: str, states: int) -> None:
    mdp = tabular_mdp(id, {}, 10)
    assert mdp is not None
    assert (mdp.states, mdp.horizon) == (states, 10)


@pytest.mark.parametrize(("id", "kwargs"), [("CartPole-v1", {}), ("Taxi-v4", {"fickle_passenger": True})])
def test_there_is_no_table_where_it_would_not_tell_the_whole_story(id: str, kwargs: dict[str, Any]) -> None:
    assert tabular_mdp(id, kwargs, 10) is None


def test_unknown_ids_are_gymnasiums_to_refuse() -> None:
    with pytest.raises(gymnasium.error.Error):
        tabular_mdp("NoSuchEnvironment-v0", {}, 10)


@pytest.mark.parametrize("id", OWN_IDS)
def test_own_environments_pass_gymnasiums_checks(id: str) -> None:
    check_env(gymnasium.make(id).unwrapped, skip_render_check=True)


def test_every_own_environment_is_known_by_its_tables() -> None:
    assert sorted(OWN) == OWN_IDS
    for id in OWN_IDS:
        mdp = tabular_mdp(id, {}, 3)
        assert mdp is not None
        assert mdp.horizon == 3


def test_registering_again_changes_nothing() -> None:
    before = {id: gymnasium.registry[id] for id in OWN_IDS}
    register()
    assert all(gymnasium.registry[id] is spec for id, spec in before.items())


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


def test_spaces_and_horizon() -> None:
    environments = TabularEnvironments(random_mdp(5, states=4, actions=3), 2, 7)
    assert environments.spaces == Spaces(observation_size=4, action_count=3)
    assert environments.horizon == 5


def test_observations_are_one_hot() -> None:
    observations = TabularEnvironments(random_mdp(5, states=4), 2, 7).reset(generators(0, 1))
    assert observations.dtype == np.float32
    assert observations.shape == (2, 7, 4)
    assert ((observations == 0) | (observations == 1)).all()
    assert (observations.sum(-1) == 1).all()


def test_outcomes_follow_the_tables() -> None:
    mdp, lanes = random_mdp(1, states=3, seed=2), 20_000
    environments = TabularEnvironments(mdp, 1, lanes)
    first = environments.reset(generators(0)).argmax(-1)[0]
    transition = environments.step(np.ones((1, lanes), dtype=np.int64), np.ones((1, lanes), dtype=bool))
    for state in range(3):
        here = first == state
        assert binomtest(int(here.sum()), lanes, mdp.start[state]).pvalue > 1e-4
        for outcome in range(4):
            happened = transition.rewards[0, here] == mdp.rewards[state, 1, outcome]
            assert binomtest(int(happened.sum()), int(here.sum()), mdp.probabilities[state, 1, outcome]).pvalue > 1e-4
            assert (transition.terminated[0, here][happened] == mdp.terminates[state, 1, outcome]).all()


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
    environments = TabularEnvironments(mdp, 1, 5)
    environments.reset([AlmostOne()])
    transition = environments.step(np.zeros((1, 5), dtype=np.int64), np.ones((1, 5), dtype=bool))
    assert (transition.rewards == 9).all()


def test_a_seed_sees_the_same_in_any_company() -> None:
    mdp = random_mdp(9, states=4, termination=0.3)
    together = roll(TabularEnvironments(mdp, 3, 5), generators(7, 8, 9), 5)
    for index, seed in enumerate((7, 8, 9)):
        alone = roll(TabularEnvironments(mdp, 1, 5), generators(seed), 5)
        assert all(np.array_equal(a[0], b[index]) for a, b in zip(alone, together, strict=True))


def test_a_seed_without_living_copies_draws_nothing() -> None:
    sources = generators(0, 1)
    environments = TabularEnvironments(random_mdp(9), 2, 3)
    environments.reset(sources)
    states = [source.bit_generator.state for source in sources]
    environments.step(np.zeros((2, 3), dtype=np.int64), np.array([[False] * 3, [False, True, False]]))
    assert sources[0].bit_generator.state == states[0]
    assert sources[1].bit_generator.state != states[1]


def test_the_horizon_cuts_off_what_has_not_ended() -> None:
    environments = TabularEnvironments(chain(2, length=2, slip=0), 1, 2)
    environments.reset(generators(0))
    alive = np.ones((1, 2), dtype=bool)
    first = environments.step(np.array([[1, 0]]), alive)
    second = environments.step(np.array([[1, 0]]), alive)
    assert (first.terminated.tolist(), first.truncated.tolist()) == ([[False, False]], [[False, False]])
    assert (second.terminated.tolist(), second.truncated.tolist()) == ([[True, False]], [[False, True]])


def test_resized_copies_serve_another_number_of_seeds() -> None:
    environments = TabularEnvironments(chain(2), 3, 4).resized(1)
    assert environments.reset(generators(0)).shape == (1, 4, 4)
