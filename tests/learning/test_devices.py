"""Training on the device that the study names has the same results as on the CPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from pg.core.devices import CannotRunHere, device_of
from pg.environments.record import Rewards
from pg.learning import training
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import Budget, TrainJob
from pg.learning.training import train
from pg.parts.activations.base import Activation
from pg.parts.activations.relu import Relu
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.line_search import LineSearch
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions
from pg.runs.logs import user_message
from pg.runs.recorder import RunRecorder
from tests.learning.far import FAR, FarDevice
from tests.learning.runs import ACTOR_CRITIC, demonstrator, jobs_with_state, train_job, tune_job, tuned

# The CPU takes its hyperbolic tangent from numpy, other devices from torch: the last digits differ.
SMALL = PolicyOptions(hidden=(8,), activation=Relu())
SGD = Sgd(learning_rate=0.1)
NETWORK = ACTOR_CRITIC["baseline"]


def job(id: str = "CartPole-v1", **options: Any) -> TrainJob:
    return train_job(id, 3, horizon=20, steps=200, iterations=2, **{"policy": SMALL, **options})


JOBS: dict[str, TrainJob] = {
    **jobs_with_state(job, SMALL, 0),
    "total return": job(returns="total", optimizer=SGD, baseline="average_reward"),
    "discounted": job(discount=0.9, discount_states=True, baseline="per_step_leave_one_out", normalise_advantages=True),
    "variance-optimal": job(baseline="optimal"),
    "variance-optimal, Gaussian": job("InvertedPendulum-v5", baseline="optimal"),
    "critic": job("InvertedPendulum-v5", **{**ACTOR_CRITIC, "baseline": {**NETWORK, "activation": "relu"}}),
    "trajectory weights": job(
        importance={"name": "trajectory", "self_normalised": True, "truncate_at": 2.0}, gradient_steps=2
    ),
    "early stop": job(gradient_steps=3, kl=EarlyStop(limit=0.001)),
    "line search": job("InvertedPendulum-v5", gradient_steps=2, kl=LineSearch(limit=0.0001)),
    "paid otherwise": job(rewards=Rewards(offset=1.0, scale=2.0, paid="at_end")),
}


def made(trained: TrainJob, folder: Path) -> tuple[pd.DataFrame, dict[str, bytes]]:
    recorder = RunRecorder(1, folder)
    train(
        trained,
        dict.fromkeys(trained.seeds, 0.05) if trained.variant.is_tuned else trained.declared_rates,
        recorder,
        {0: demonstrator(SMALL)} if trained.demonstrators else {},
    )
    return recorder.frame(), {path.name: path.read_bytes() for path in folder.rglob("*.safetensors")}


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "device_of", lambda _: FAR)
    # NumPy's products, which the CPU alone has, round otherwise.
    for module in ("pg.parts.networks", "pg.learning.policies"):
        monkeypatch.setattr(f"{module}.product", torch.matmul)
    # They are asked whether a device has fused kernels, and do not know this one.
    for module in ("adam", "sgd"):
        kernels = sys.modules[f"torch.optim.{module}"]
        monkeypatch.setattr(kernels, "_device_dtype_check_for_fused", lambda *_, **__: None)


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("name", JOBS)
def test_training_on_another_device_equals_the_cpu(name: str, tmp_path: Path) -> None:
    with FarDevice():
        found, policies = made(JOBS[name], tmp_path / "far")
    with pytest.MonkeyPatch.context() as near:
        near.setattr(training, "device_of", device_of)
        # Compiled passes, which the CPU alone has, round otherwise.
        near.setattr(Activation, "has_slope", False)
        expected, same = made(JOBS[name], tmp_path / "near")

    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)
    assert policies.keys() == same.keys()


def test_far_device_refuses_tensors_on_the_cpu() -> None:
    with FarDevice():
        there = torch.ones(3).to(FAR)
        assert there.device == FAR
        assert (there + 1.0).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(RuntimeError, match="on the CPU and on the far device"):
            torch.add(there, torch.ones(3))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_refused_in_one_line() -> None:
    with pytest.raises(CannotRunHere, match=r"device: cuda: .*use device: cpu") as missing:
        device_of("cuda")

    assert user_message(missing.value) == str(missing.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")
@pytest.mark.parametrize("name", JOBS)
def test_first_update_on_a_gpu_equals_the_cpu(name: str, tmp_path: Path) -> None:
    once = JOBS[name].model_copy(update={"budget": Budget(steps=1)})
    (found, _), (expected, _) = (
        made(once.model_copy(update={"device": device}), tmp_path / device) for device in ("cuda", "cpu")
    )

    pd.testing.assert_frame_equal(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")
def test_rates_are_tuned_on_a_gpu() -> None:
    frame = tuned(tune_job("CartPole-v1", (0.01, 0.1), seeds=2, horizon=20, steps=100, device="cuda")).frame

    assert list(frame.columns) == list(RUN_COLUMNS)
