"""A limit, a start, an activation and an optimizer of a user's own train like the built-in ones."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pg.core.trajectories import Spaces
from pg.learning.job import TrainJob
from pg.learning.policies import Policy
from pg.learning.training import train
from pg.parts.variant import Variant
from pg.runs.recorder import RunRecorder
from pydantic import ValidationError
from tests.learning.runs import train_job

OWN = '''
from pg.parts.activations.base import Activation
from pg.parts.limits.base import Limit
from pg.parts.optimizers.base import Optimizer
from pg.parts.starts.base import AT_RANDOM, Start


class FirstStep(Limit):
    """Take one step, and count the updates."""

    def take_steps(self, ascent, minibatches, state):
        ascent.step(next(iter(minibatches)))
        state["updates"] = state.get("updates", 0) + 1
        return 1.0

    def held_by(self):
        return (r"K = 1",)


class Zero(Start):
    """Begin with all parameters 0."""

    def begin(self, policy, shown):
        policy.theta.data.zero_()
        return AT_RANDOM


class Square(Activation):
    def of_tensor(self, values):
        return values * values

    @staticmethod
    def of_number(value):
        return value * value


class Signs(Optimizer):
    def over(self, parameters, learning_rate):
        import torch

        return torch.optim.Rprop(parameters, lr=learning_rate, etas=(0.999, 1.001), maximize=True)
'''


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_parts.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_parts", None)


def variant(**parts: object) -> Variant:
    return Variant.model_validate({"batch": 4, "policy": {"hidden": (8,)}, "gradient_steps": 3, **parts})


def trained(variant: Variant, folder: Path) -> RunRecorder:
    job, recorder = train_job("CartPole-v1", 0, steps=10_000, iterations=3), RunRecorder(1, folder)
    job = job.model_copy(update={"variant": variant, "snapshots": {"initial": 0.0, "late": 1.0}})
    train(TrainJob.model_validate_json(job.canonical()), dict.fromkeys(job.seeds, 0.01), recorder)
    return recorder


def test_own_limit_holds_every_update(tmp_path: Path) -> None:
    limited = variant(kl={"hold_by": "own_parts:FirstStep", "limit": 0.1})
    assert trained(limited, tmp_path).frame()["gradient_steps"].tolist() == [1, 1, 1]
    assert limited.kl is not None
    assert limited.kl.definitions(limited)[0] == "K = 1"


def test_own_start_begins_the_policy(tmp_path: Path) -> None:
    frame = trained(variant(initialise="own_parts:Zero"), tmp_path).frame()
    assert frame["entropy"][0] == pytest.approx(np.log(2))
    assert (frame["demonstration_steps"] == 0).all()


def test_own_activation_acts_and_learns(tmp_path: Path) -> None:
    squared = variant(policy={"hidden": (8,), "activation": "own_parts:Square"})
    assert np.isfinite(trained(squared, tmp_path).frame()["gradient_norm"]).all()
    policy = Policy(squared.policy, Spaces(4, 2), torch.Generator().manual_seed(0))
    seen = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    hidden = policy.affine[0](seen).square()
    torch.testing.assert_close(policy.heads(seen), policy.affine[1](hidden))


def test_own_optimizer_takes_the_steps(tmp_path: Path) -> None:
    frame = trained(variant(optimizer={"name": "own_parts:Signs", "learning_rate": 0.01}), tmp_path).frame()
    adam = trained(variant(), tmp_path / "adam").frame()
    assert frame["return_mean"][0] == adam["return_mean"][0]
    assert frame["kl_new_old"][0] != adam["kl_new_old"][0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"kl": {"hold_by": "own_parts:Nothing", "limit": 0.1}},
            r"kl\n.*'own_parts:Nothing' is no subclass",
        ),
        ({"initialise": "own_parts:Square"}, r"initialise\n.*'own_parts:Square' is no subclass of .*Start"),
        ({"optimizer": {"name": "not_there:Signs"}}, r"optimizer\n.*cannot import 'not_there:Signs'"),
    ],
)
def test_class_of_another_family_is_refused(parts: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        variant(**parts)
