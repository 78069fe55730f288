"""Demonstrations come from the right demonstrator and depend on their own seed alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Trajectories, valid_steps
from pg.environments.copies import make_environments
from pg.learning import imitation
from pg.learning.job import Demonstrators, TrainJob
from pg.learning.rollout import Generators
from pg.parts.starts.clone import Clone
from pg.parts.variant import PolicyOptions
from pg.study.code import covered_files, defining_files
from tests.learning.runs import train_job

LINEAR = PolicyOptions(hidden=())


def job(seeds: Sequence[int], **options: Any) -> TrainJob:
    demonstrators = Demonstrators(policy=LINEAR, stage="late", seeds=tuple(4 + seed % 2 for seed in seeds))
    start = Clone(demonstrations=5, **options)
    return train_job(
        "CartPole-v1", *seeds, horizon=50, initialise=start, demonstrators=demonstrators if start.clone else None
    )


SNAPSHOTS: dict[str, Any] = {"clone": {"experiment": "other", "variant": "other", "stage": "late"}}


def parameters(toward: int) -> dict[str, np.ndarray]:
    """A policy that pushes to one side all the time."""
    biases = np.full(2, -100, dtype=np.float32)
    biases[toward] = 100
    return {"theta": np.append(np.zeros(8, dtype=np.float32), biases)}


POLICIES = {4: parameters(0), 5: parameters(1)}


def demonstrated(job: TrainJob, stream: str) -> dict[int, Trajectories]:
    return imitation.demonstrations(job, stream, POLICIES)


def assert_same(first: Trajectories, second: Trajectories) -> None:
    assert torch.equal(first.observations, second.observations)
    assert torch.equal(first.actions, second.actions)


@pytest.mark.parametrize("options", [SNAPSHOTS, {"controller": "lean"}], ids=["snapshots", "controller"])
def test_demonstrations_of_a_seed_are_its_own(options: dict[str, Any]) -> None:
    together = demonstrated(job(range(3), **options), "train")
    assert list(together) == [0, 1, 2]
    for seed, seen in together.items():
        assert seen.mask.shape[:2] == (1, 5)
        assert_same(demonstrated(job([seed], **options), "train")[seed], seen)
    starts = [seen.observations[0, :, 0] for seen in together.values()]
    assert not torch.equal(starts[0], starts[2])
    learner = Generators.of(0, "train").starts
    first = make_environments(job([0], **options).environment, 5).reset(learner)
    assert not np.array_equal(starts[0], first), "a seed's first batch has other starts"
    tuned = demonstrated(job([0], **options), "tune")[0]
    assert not torch.equal(tuned.observations[0, :, 0], starts[0])


def test_each_seed_is_shown_its_own_demonstrator() -> None:
    found = demonstrated(job(range(3), **SNAPSHOTS), "train")
    for seed, side in ((0, 0), (1, 1), (2, 0)):
        assert (found[seed].actions[found[seed].mask] == side).all()


def test_controller_demonstrates_every_step() -> None:
    seen = demonstrated(job([0], controller="lean"), "train")[0]
    states, actions = valid_steps(seen)
    assert torch.equal(actions, (states[:, 2] > 0).long())


def test_only_runs_that_imitate_a_controller_depend_on_its_code() -> None:
    covers = []
    for options in ({"controller": "lean"}, SNAPSHOTS):
        files = covered_files("pg.learning.training", *defining_files(job([0], **options)))
        covers.append("controllers.py" in {path.name for path in files})
    assert covers == [True, False]
