"""Environments are found by id, also where a module registers it first, and refused by name."""

from pathlib import Path

import pytest
from pg.environments.catalogue import UnsupportedEnvironment, check, horizon_of
from pg.environments.record import Environment
from pg.environments.stacked import make_environments

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


def test_a_module_registers_an_id_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "registering_module.py").write_text(REGISTERING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    environment = Environment(id="registering_module:Registered-v0")
    check(environment)
    assert horizon_of(environment) == 7
    assert make_environments(environment, 1, 2).spaces.observation_size == 4


def test_id_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text(FAILING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsupportedEnvironment, match=r"^id: failing_module:No-v0 cannot be made: no licence"):
        check(Environment(id="failing_module:No-v0", horizon=5))


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("CartPol-v1", "id: 'CartPol-v1' is not known to gymnasium; did you mean 'CartPole-v1'"),
        ("no_such_module:CartPole-v1", "id: 'no_such_module:CartPole-v1' names a module that cannot be imported: "),
        ("gymnasium:Nothing-v9", "id: 'gymnasium:Nothing-v9' is not known to gymnasium"),
    ],
)
def test_an_id_that_nothing_registers_is_refused(id: str, message: str) -> None:
    with pytest.raises(UnsupportedEnvironment, match=message):
        check(Environment(id=id))
