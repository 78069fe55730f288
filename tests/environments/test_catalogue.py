"""Environments are found by id, with their tables if they have any; unsupported ones are refused with a reason."""

import inspect
import itertools
import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium.utils.env_checker import check_env
from pg.environments.catalogue import UnsupportedEnvironment, check, horizon_of, tabular_mdp
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.environments.registry import OWN

REGISTERING = """
import gymnasium
gymnasium.register("Registered-v0", entry_point="gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=7)
"""

FAILING = """
import gymnasium

def make(**_):
    raise ValueError("no licence")

gymnasium.register("No-v0", entry_point=make)
"""


def test_module_in_an_id_is_imported_and_registers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "registering_module.py").write_text(REGISTERING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    environment = Environment(id="registering_module:Registered-v0")
    check(environment)
    assert horizon_of(environment) == 7
    assert make_environments(environment, 2).spaces.observation_size == 4


def test_id_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text(FAILING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        UnsupportedEnvironment, match=r"^id: failing_module:No-v0 cannot be made: ValueError: no licence"
    ):
        check(Environment(id="failing_module:No-v0", horizon=5))


def test_horizon_is_the_environments_own_unless_declared() -> None:
    assert horizon_of(Environment(id="CartPole-v1")) == 500
    assert horizon_of(Environment(id="CartPole-v1", horizon=7)) == 7
    with pytest.raises(UnsupportedEnvironment, match="declare a horizon"):
        horizon_of(Environment(id="CliffWalking-v1"))


def test_warnings_of_gymnasiums_models_are_neither_printed_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    check(Environment(id="HalfCheetah-v5"))
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    # Without `check`, there is something to print.
    gymnasium.make("HalfCheetah-v5").close()
    assert "deprecated" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["MUJOCO_LOG.TXT"]


# Tables ---------------------------------------------------------------------------------------------------------------


def test_gymnasium_tables_are_read_outcome_by_outcome() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {"map_name": "4x4", "is_slippery": True}, 20)
    assert mdp is not None
    lake: Any = gymnasium.make("FrozenLake-v1").unwrapped
    for at in itertools.product(range(16), range(4)):
        expected, found, reward = np.zeros((16, 2)), np.zeros((16, 2)), 0.0
        for probability, after, earned, terminated in lake.P[at[0]][at[1]]:
            expected[after, int(terminated)] += probability
            reward += probability * earned
        np.add.at(found, (mdp.next_states[at], mdp.terminates[at].astype(int)), mdp.probabilities[at])
        np.testing.assert_allclose(found, expected)
        assert mdp.expected_rewards_at(0)[at] == pytest.approx(reward)


def test_rewards_that_depend_on_the_next_state_are_kept() -> None:
    mdp = tabular_mdp("FrozenLake-v1", {}, 20)
    assert mdp is not None
    # Next to the goal (state 15), an action may lead to it or elsewhere: only the step into it is rewarded.
    outcomes = {int(after): reward for after, reward in zip(mdp.next_states[14, 2], mdp.rewards[14, 2], strict=True)}
    assert outcomes == {15: 1.0, 14: 0.0, 10: 0.0}


@pytest.mark.parametrize(("id", "kwargs"), [("CartPole-v1", {}), ("Taxi-v4", {"fickle_passenger": True})])
def test_environments_without_a_complete_table_have_none(id: str, kwargs: dict[str, Any]) -> None:
    assert tabular_mdp(id, kwargs, 10) is None


@pytest.mark.parametrize("id", OWN)
def test_the_guide_lists_the_options_and_the_horizon_of_every_small_mdp(id: str) -> None:
    guide = Path("docs/studies.md").read_text(encoding="utf-8")
    (options, horizon) = re.findall(rf"^\| `{id}` \| (.*?) ?\| (\d+) \|", guide, re.MULTILINE)[0]
    _, *parameters = inspect.signature(OWN[id].make).parameters.values()
    documented = yaml.safe_load(f"{{{options.replace('`', '')}}}")

    assert {name: tuple(value) if isinstance(value, list) else value for name, value in documented.items()} == {
        parameter.name: parameter.default for parameter in parameters
    }
    assert int(horizon) == OWN[id].horizon


@pytest.mark.parametrize("id", OWN)
def test_own_environments_have_tables_and_pass_gymnasiums_checks(id: str) -> None:
    check_env(gymnasium.make(id).unwrapped, skip_render_check=True)
    mdp = tabular_mdp(id, {}, 3)
    assert mdp is not None
    assert mdp.horizon == 3
