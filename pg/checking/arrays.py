"""What a submission is given: batches as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pg.checking.mistakes import Sample
from pg.checking.submissions import Arrays
from pg.checking.worlds import Batches
from pg.core.randomness import generator as generator_of

_AFTER_THE_END, _OLD_AFTER_THE_END = -1.3, -0.4  # log-probabilities after the last step
LARGE = ((8, 50), (32, 100))
"""Trajectories and steps of the random batches that files are tried with; the first is timed."""


def arrays_of(batches: Batches) -> dict[str, NDArray[Any]]:
    """Return batches (S, N, T) with all that a submission may read, in float64."""
    world, trajectories = batches.world, batches.trajectories
    mask = trajectories.mask
    return {
        "rewards": trajectories.rewards.numpy(),
        "mask": mask.numpy().astype(np.uint8),
        "log_probs": batches.along(world.log_probs).where(mask, _AFTER_THE_END).numpy(),
        "old_log_probs": batches.along(world.old_log_probs).where(mask, _OLD_AFTER_THE_END).numpy(),
        "values": batches.along(world.values).numpy(),
        "state_ratios": batches.along(world.state_ratios).numpy(),
        "alignments": batches.along(torch.einsum("mtd,mud->mt", world.scores, world.scores)).numpy(),
        "observations": trajectories.observations.numpy(),
        "actions": trajectories.actions.numpy(),
        "terminated": trajectories.terminated.numpy().astype(np.uint8),
        "truncated": trajectories.truncated.numpy().astype(np.uint8),
    }


def padded(arrays: Arrays, steps: int) -> dict[str, NDArray[Any]]:
    """Return the arrays with more steps after the last ones."""
    after = {"log_probs": _AFTER_THE_END, "old_log_probs": _OLD_AFTER_THE_END}
    found = dict(arrays)
    for name, values in arrays.items():
        if values.ndim >= 3:
            width = [(0, 0), (0, 0), (0, steps), *[(0, 0)] * (values.ndim - 3)]
            found[name] = np.pad(values, width, constant_values=after.get(name, 0))
    return found


def with_ratios(arrays: Arrays, seed: int) -> dict[str, NDArray[Any]]:
    """Return the arrays with ratios from 0.6 to 1.6, so that those on both sides of a clip's limits are among them."""
    shape = arrays["log_probs"].shape
    logarithms = np.log(generator_of(seed, "check", "ratios").uniform(0.6, 1.6, size=shape))
    within = arrays["mask"] > 0
    return dict(arrays) | {"old_log_probs": np.where(within, arrays["log_probs"] - logarithms, arrays["old_log_probs"])}


def sample_of(batches: Batches) -> Sample:
    """Return batches as known mistakes read them."""
    return as_sample(arrays_of(batches), batches.world.discount)


def as_sample(arrays: Arrays, discount: float) -> Sample:
    """Return arrays of batches as known mistakes read them."""
    names = ("rewards", "log_probs", "old_log_probs", "values")
    return Sample(mask=arrays["mask"] > 0, discount=discount, **{name: arrays[name] for name in names})


def large_batch(seed: int, n: int, steps: int) -> dict[str, NDArray[Any]]:
    """Draw one batch of trajectories of all lengths up to a number of steps."""
    generator = generator_of(seed, "check", "timed")
    mask = np.arange(steps) < generator.integers(1, steps + 1, size=(1, n, 1))
    noise = {name: generator.normal(size=(1, n, steps)) * mask for name in ("rewards", "values")}
    log_probs = np.log(generator.uniform(0.2, 0.8, size=(1, n, steps)))
    return {
        **noise,
        "mask": mask.astype(np.uint8),
        "log_probs": log_probs,
        "old_log_probs": log_probs,
        "state_ratios": mask.astype(np.float64),
        "alignments": mask.astype(np.float64),
        "observations": np.ones((1, n, steps, 1)),
        "actions": np.zeros((1, n, steps), dtype=np.int64),
        "terminated": np.ones((1, n), dtype=np.uint8),
        "truncated": np.zeros((1, n), dtype=np.uint8),
    }
