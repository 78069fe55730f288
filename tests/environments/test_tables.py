"""Environments with tables: those of `pg` and of gymnasium."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pg.environments.catalogue import tabular_mdp
from pg.environments.registry import OWN

OWN_IDS = ["pg/Bandit-v0", "pg/Chain-v0", "pg/Corridor-v0", "pg/JacketFolding-v0", "pg/Random-v0"]


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
            assert mdp.expected_rewards_at(0)[state, action] == pytest.approx(reward)


def test_rewards_that_depend_on_the_next_state_are_kept() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {}, 20)
    assert mdp is not None
    # Next to the goal (state 15), an action may lead to it or elsewhere: only the step into it is rewarded.
    outcomes = {int(after): reward for after, reward in zip(mdp.next_states[14, 2], mdp.rewards[14, 2], strict=True)}
    assert outcomes == {15: 1.0, 14: 0.0, 10: 0.0}


@pytest.mark.parametrize(("id", "states"), [("CliffWalking-v1", 48), ("Taxi-v4", 500)])
def test_other_toy_texts_have_tables(id: str, states: int) -> None:
    mdp = tabular_mdp(id, {}, 10)
    assert mdp is not None
    assert (mdp.states, mdp.horizon) == (states, 10)


@pytest.mark.parametrize(("id", "kwargs"), [("CartPole-v1", {}), ("Taxi-v4", {"fickle_passenger": True})])
def test_environments_beyond_their_table_have_no_tables(id: str, kwargs: dict[str, Any]) -> None:
    assert tabular_mdp(id, kwargs, 10) is None


def test_unknown_ids_are_refused_by_gymnasium() -> None:
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
