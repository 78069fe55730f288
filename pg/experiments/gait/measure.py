"""Measure how humanoids move: falls and their direction, changes of the stance foot, and positions of the limbs.

The policies act as in training, with sampled actions. Nothing here estimates a gradient.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pg.core.trajectories import Trajectories
from pg.environments.humanoid import PARTS, Motion, WatchedHumanoids
from pg.experiments.gait.job import GaitJob
from pg.laboratory.frozen import generators_of, sample
from pg.learning.policies import Parameters, thaw

_TORSO = PARTS.index("torso")

_log = logging.getLogger("pg")


@dataclass(frozen=True, slots=True)
class Gaits:
    """Measurements of frozen policies.

    Attributes
    ----------
    rows
        A row per seed: seed, variant, batch (the number of episodes), and the result of `measures`.
    poses
        A row per frame and part of the body, for each seed's first episode: seed, variant, episode's frame from 0,
        step, time in seconds, part, and x and z in metres.
    """

    rows: pd.DataFrame
    poses: pd.DataFrame


def watch(job: GaitJob, policies: Mapping[int, Parameters]) -> Gaits:
    """Run each frozen policy for some episodes, and measure its motion.

    Parameters
    ----------
    job
        The humanoid, the variant that trained the policies, and the numbers of episodes and frames.
    policies
        Parameters of each seed's frozen policy.
    """
    (variant,) = job.variants
    humanoids = WatchedHumanoids(job.environment, job.episodes)
    rows: list[dict[str, float | int | str]] = []
    poses: list[pd.DataFrame] = []
    for seed in job.seeds:
        policy = thaw(job.policy, humanoids.spaces, policies[seed])
        episodes = sample(humanoids, policy, generators_of(seed, job.stage, "gait"), job.environment.rewards)
        motion, names = humanoids.motion, {"seed": seed, "variant": variant}
        rows.append({**names, "batch": job.episodes, **measures(episodes, motion)})
        poses.append(strip(motion, int(episodes.lengths[0, 0]), job.frames).assign(**names))
        _log.info("seed %d: %d episodes of %.1f steps", seed, job.episodes, rows[-1]["length"])
    return Gaits(pd.DataFrame(rows), pd.concat(poses, ignore_index=True))


def measures(episodes: Trajectories, motion: Motion) -> dict[str, float]:
    """Average over the episodes of one policy.

    fell_forward, fell_backward and not_fallen are shares of the episodes, as defined in `falls`; displacement is how
    far the torso has moved forward by the end of an episode, in metres; length is the number of steps of an episode;
    alternating_steps is the number of changes of the stance foot in an episode.

    Parameters
    ----------
    episodes
        N trajectories of one policy, S = 1.
    motion
        The recorded motion of the same N trajectories.
    """
    lengths = episodes.lengths[0].numpy()
    moved, sunk = _way_of_the_torso(motion, lengths)
    forward, backward = falls(episodes.terminated[0].numpy(), moved, sunk)
    return {
        "fell_forward": float(forward.mean()),
        "fell_backward": float(backward.mean()),
        "not_fallen": float((~forward & ~backward).mean()),
        "displacement": float(moved.mean()),
        "length": float(lengths.mean()),
        "alternating_steps": float(np.mean([alternating_steps(feet) for feet in motion.on_floor])),
        "episode_return": float(episodes.returns[0].double().mean()),
    }


def falls(
    terminated: NDArray[np.bool_], moved: NDArray[np.float64], sunk: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which episodes end in a fall forward, and which in a fall backward.

    An episode ends in a fall if it terminates with the torso lower than at the start; episodes also terminate if the
    humanoid jumps too high. The fall is forward if the torso has moved forward since the start.

    Parameters
    ----------
    terminated
        (N,), whether the environment ended the episode, and not the horizon.
    moved, sunk
        (N,), metres that the torso has moved forward, and down, by the end.
    """
    fallen = terminated & (sunk > 0)
    return fallen & (moved > 0), fallen & (moved < 0)


def alternating_steps(on_floor: NDArray[np.bool_]) -> int:
    """Count how often the stance foot changes: the only foot that touches the floor.

    A change from left to right or back is a step, whether both feet or none touch the floor in between. Contact of
    both feet, hopping on one foot, and lifting and lowering the same foot are not steps.

    Parameters
    ----------
    on_floor
        (T, 2), whether each foot touches the floor.
    """
    alone = on_floor[on_floor.sum(axis=1) == 1]
    return int(np.count_nonzero(alone[1:, 0] != alone[:-1, 0]))


def strip(motion: Motion, length: int, frames: int) -> pd.DataFrame:
    """Take evenly spaced frames of the first episode, from its start to its end.

    An episode with fewer moments than frames shows each moment once.

    Parameters
    ----------
    motion
        Of N humanoids.
    length
        Steps of the first one's episode.
    frames
        How many moments are shown, the first and the last among them.
    """
    moments = np.unique(np.linspace(0, length, frames).round().astype(int))
    return pd.DataFrame(_poses(motion, moments), columns=["frame", "step", "time", "part", "x", "z"])


def _poses(motion: Motion, moments: NDArray[np.int_]) -> Iterator[tuple[int, int, float, str, float, float]]:
    for frame, step in enumerate(moments.tolist()):
        for part, (x, z) in zip(PARTS, motion.positions[0, step].tolist(), strict=True):
            yield frame, step, step * motion.seconds, part, x, z


def _way_of_the_torso(motion: Motion, lengths: NDArray[np.int_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the metres that each torso has moved forward, and down, by the end of its episode."""
    torso = motion.positions[:, :, _TORSO]
    way = torso[np.arange(len(lengths)), lengths] - torso[:, 0]
    return way[:, 0], -way[:, 1]
