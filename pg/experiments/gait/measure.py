"""Measure how humanoids move: falls and their direction, changes of the stance foot, and positions of the limbs.

The policies act as in training, with sampled actions. Gradients are not estimated.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.core.trajectories import Trajectories
from pg.environments.humanoid import PARTS, Motion, RecordedHumanoids
from pg.experiments.gait.metrics import METRICS, falls
from pg.experiments.gait.options import GaitOptions
from pg.experiments.metric import values
from pg.laboratory.frozen import generators_of, policy_of, sample
from pg.laboratory.job import MeasurementJob
from pg.learning.policies import Parameters

_log = logging.getLogger("pg")


@dataclass(frozen=True)
class Watched:
    """N episodes of one policy (S = 1), with their recorded motion."""

    episodes: Trajectories
    motion: Motion

    @cached_property
    def lengths(self) -> NDArray[np.int_]:
        """Steps of each episode, (N,)."""
        return self.episodes.lengths[0].numpy()

    @cached_property
    def displacement(self) -> NDArray[np.float64]:
        """Metres that each centre of mass has moved by the end of its episode, (N, 2): forward and up."""
        mass = self.motion.positions[:, :, PARTS.index("centre_of_mass")]
        return mass[np.arange(len(self.lengths)), self.lengths] - mass[:, 0]

    @cached_property
    def falls(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which episodes end in a fall forward, and which in a fall backward, (N,)."""
        return falls(self.episodes.terminated[0].numpy(), self.displacement[:, 0], -self.displacement[:, 1])

    @cached_property
    def median(self) -> int:
        """The episode with the median return; of an even number, the lower of the two in the middle."""
        returns = self.episodes.returns[0].numpy()
        return int(np.argsort(returns, kind="stable")[(len(returns) - 1) // 2])


def watch(job: MeasurementJob[GaitOptions], policies: Mapping[int, Parameters]) -> dict[str, pd.DataFrame]:
    """Run each frozen policy for some episodes, and measure its motion.

    The only variant is the one that has trained the policies.

    Returns
    -------
    dict
        "rows": a row per seed, with `METRICS`; its batch is the number of episodes. "poses": a row per frame and part
        of the body, for each seed's episode with the median return: seed, variant, the episode's frame from 0, step,
        time in seconds, part, and x and z in metres. "endings": a row per episode, in the order of `landings`.
    """
    (variant,), episodes = job.variants, job.options.episodes
    humanoids, rows, poses, endings = RecordedHumanoids(job.environment, episodes), [], [], []
    for seed in job.seeds:
        policy = policy_of(job, policies, seed, humanoids.spaces)
        collected = sample(humanoids, policy, generators_of(seed, job.stage, "gait"), job.environment.rewards)
        seen, names = Watched(collected, humanoids.motion), {"seed": seed, "variant": variant}
        rows.append({**names, "batch": episodes, **values(METRICS, seen)})
        shown = strip(seen.motion, int(seen.lengths[seen.median]), job.options.frames, seen.median)
        poses.append(shown.assign(**names))
        endings.append(landings(seen).assign(**names))
        _log.info("seed %d: %d episodes of %.1f steps", seed, episodes, rows[-1]["length"])
    tables = {"poses": pd.concat(poses, ignore_index=True), "endings": pd.concat(endings, ignore_index=True)}
    return {"rows": pd.DataFrame(rows), **tables}


def landings(seen: Watched) -> pd.DataFrame:
    """Return how each episode ends.

    `ending` is forward, backward or none, as `falls` tells; `moved` has the metres that the centre of mass has moved
    forward; `shown` is 1 for the episode whose poses are recorded, else 0.
    """
    forward, backward = seen.falls
    return pd.DataFrame(
        {
            "episode": np.arange(len(seen.lengths)),
            "return": seen.episodes.returns[0].double().numpy(),
            "moved": seen.displacement[:, 0],
            "ending": np.select([forward, backward], ["forward", "backward"], "none"),
            "shown": (np.arange(len(seen.lengths)) == seen.median).astype(int),
        }
    )


def strip(motion: Motion, length: int, frames: int, episode: int = 0) -> pd.DataFrame:
    """Take evenly spaced frames of an episode, which has `length` steps, from its start to its end.

    An episode with fewer moments than frames shows each moment once.
    """
    moments = np.unique(np.linspace(0, length, frames).round().astype(int))
    poses = [
        (frame, step, step * motion.seconds, part, x, z)
        for frame, step in enumerate(moments.tolist())
        for part, (x, z) in zip(PARTS, motion.positions[episode, step].tolist(), strict=True)
    ]
    return pd.DataFrame(poses, columns=["frame", "step", "time", "part", "x", "z"])
