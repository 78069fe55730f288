"""Falls, steps and poses: by hand on synthetic motions, and on simulated humanoids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.humanoid import PARTS, Motion
from pg.environments.record import Environment
from pg.experiments.gait.measure import Watched, landings, strip
from pg.experiments.gait.metrics import METRICS, alternating_steps, falls
from pg.experiments.gait.record import GaitExperiment
from pg.experiments.metric import values
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import Arrays, arrays, job_of

TORSO, MASS = PARTS.index("torso"), PARTS.index("centre_of_mass")
NETWORK = PolicyOptions(hidden=(4,), initial_std=0.4)
STANCES = {"L": (True, False), "R": (False, True), "B": (True, True), ".": (False, False)}


def feet(moments: str) -> np.ndarray:
    return np.array([STANCES[moment] for moment in moments], dtype=np.bool_).reshape(-1, 2)


# Steps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moments", "steps"),
    [
        ("", 0),
        ("....", 0),
        ("BBBB", 0),
        ("LLLL", 0),
        ("L.L.L", 0),  # hopping on one foot
        ("BLBLB", 0),  # lifting and lowering the same foot
        ("..BB.L", 0),
        ("LR", 1),
        ("LBR", 1),  # walking: both feet in between
        ("L.R", 1),  # running: none in between
        ("LLBBRRBBLL", 2),
        (".R.BLLB.RRR.BL.", 3),
    ],
)
def test_a_step_is_a_change_of_the_stance_foot(moments: str, steps: int) -> None:
    assert alternating_steps(feet(moments)) == steps


def test_left_and_right_feet_may_be_exchanged() -> None:
    moments = feet(".R.BLLB.RRR.BL.")
    assert alternating_steps(moments[:, ::-1]) == alternating_steps(moments) == alternating_steps(moments[::-1])


# Falls ----------------------------------------------------------------------------------------------------------------


def test_a_fall_has_the_direction_in_which_the_centre_of_mass_has_moved() -> None:
    """Five ends: fallen forward, fallen backward, leapt too high, cut off by the horizon, fallen on the spot."""
    terminated = np.array([True, True, True, False, True])
    moved, sunk = np.array([0.5, -0.1, 0.3, 4.0, 0.0]), np.array([0.4, 0.4, -0.6, 0.1, 0.4])
    forward, backward = falls(terminated, moved, sunk)
    assert forward.tolist() == [True, False, False, False, False]
    assert backward.tolist() == [False, True, False, False, False]


def motion(ways: Sequence[Sequence[tuple[float, float]]], moments: Sequence[str]) -> Motion:
    """Lay out ways of torso and centre of mass (x and z, from the start on) and feet; all else stays at 0."""
    longest = max(map(len, ways))
    positions = np.full((len(ways), longest, len(PARTS), 2), np.nan)
    on_floor = np.zeros((len(ways), longest, 2), dtype=np.bool_)
    for i, (way, stood) in enumerate(zip(ways, moments, strict=True)):
        positions[i, : len(way)] = 0.0
        positions[i, : len(way), [TORSO, MASS]] = way
        on_floor[i, : len(way)] = feet(stood)
    return Motion(positions, on_floor, 0.02)


def episodes(lengths: Sequence[int], terminated: Sequence[bool], reward: float = 1.0) -> Trajectories:
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).reshape(1, -1, 1)
    ended = torch.tensor([list(terminated)])
    return Trajectories(
        observations=torch.zeros(*mask.shape, 1),
        actions=torch.zeros(*mask.shape, 1),
        rewards=reward * mask.float(),
        mask=mask,
        terminated=ended,
        truncated=~ended,
    )


WAYS = (
    [(0.1, 1.4), (0.2, 1.3), (0.5, 0.9)],  # falls forward by 0.4
    [(0.0, 1.4), (0.3, 1.2), (0.2, 1.1), (-0.2, 0.9)],  # falls backward by 0.2, though it first came forward
    [(0.0, 1.4), (0.1, 1.4), (0.1, 1.4), (0.2, 1.4), (1.0, 1.3)],  # is still up at the horizon
    [(0.0, 1.4), (0.6, 0.9)],  # falls forward by 0.6
)
STOOD = (".LR", ".LBL", "LRLBR", "..")


def test_measures_are_averages_over_episodes_up_to_their_own_ends() -> None:
    collected = episodes([2, 3, 4, 1], [True, True, False, True], reward=2.0)
    found = values(METRICS, Watched(collected, motion(WAYS, STOOD)))
    assert found == pytest.approx(
        {
            "fell_forward": 0.5,
            "fell_backward": 0.25,
            "not_fallen": 0.25,
            "displacement": (0.4 - 0.2 + 1.0 + 0.6) / 4,
            "length": 2.5,
            "alternating_steps": (1 + 0 + 3 + 0) / 4,
            "episode_return": 5.0,
        }
    )


# Poses ----------------------------------------------------------------------------------------------------------------


def test_frames_are_evenly_spaced_over_the_first_episode() -> None:
    line = [(0.1 * step, 1.4 - 0.1 * step) for step in range(9)]
    seen = strip(motion([line, [*line, (9.0, 9.0)]], ["." * 9, "." * 10]), length=8, frames=5)
    assert len(seen) == 5 * len(PARTS)
    assert seen["part"].tolist() == [*PARTS] * 5
    torso = seen[seen["part"] == "torso"]
    assert torso["frame"].tolist() == [0, 1, 2, 3, 4]
    assert torso["step"].tolist() == [0, 2, 4, 6, 8]
    assert torso["time"].tolist() == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert torso["x"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert torso["z"].tolist() == pytest.approx([1.4, 1.2, 1.0, 0.8, 0.6])


def test_a_short_episode_shows_each_moment_once() -> None:
    seen = strip(motion([[(0.0, 1.4), (0.1, 1.3), (0.2, 1.2)]], ["..."]), length=2, frames=8)
    assert seen.loc[seen["part"] == "head", "step"].tolist() == [0, 1, 2]


# Landings -------------------------------------------------------------------------------------------------------------


def test_landings_are_the_falls_episode_by_episode() -> None:
    """Four ends, as told by the centre of mass alone; the torso says the opposite."""
    seen = motion(WAYS, STOOD)
    seen.positions[:, :, TORSO] *= -1
    collected = episodes([2, 3, 4, 1], [True, True, False, True])
    returns = torch.tensor([4.0, 1.0, 3.0, 2.0]).reshape(1, 4, 1) * torch.eye(4)[0]
    found = landings(Watched(replace(collected, rewards=returns), seen))
    assert found["ending"].tolist() == ["forward", "backward", "none", "forward"]
    assert found["moved"].tolist() == pytest.approx([0.4, -0.2, 1.0, 0.6])
    assert found["return"].tolist() == [4, 1, 3, 2]
    assert found["shown"].tolist() == [0, 0, 0, 1], "of 1, 2, 3 and 4 the lower of the two in the middle"


# On the humanoid ------------------------------------------------------------------------------------------------------


KWARGS: dict[str, Any] = {
    **{f"include_{name}_in_observation": False for name in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")},
    "healthy_reward": 0.0,
}


def policy(seed: int) -> Arrays:
    return arrays(Policy(NETWORK, Spaces(45, None, 17), torch_generator(seed, "test")))


def watched(
    *seeds: int, horizon: int = 40, stage: str = "late", episodes: int = 2, policies: dict[int, Arrays] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows and poses."""
    environment, variants = Environment(id="Humanoid-v5", kwargs=KWARGS, horizon=horizon), {"learner": Variant()}
    options = {"stage": stage, "policy": NETWORK, "episodes": episodes, "frames": 3}
    found = job_of(GaitExperiment, environment, variants, *seeds, **options).measure(
        policies or {seed: policy(seed) for seed in seeds}
    )
    return found["rows"], found["poses"]


def test_the_poses_are_those_of_the_only_episode_measured() -> None:
    rows, poses = watched(0, episodes=1)
    torso, mass = (poses[poses["part"] == part] for part in ("torso", "centre_of_mass"))
    row = rows.iloc[0]
    assert torso["step"].max() == row["length"]
    assert mass["x"].iloc[-1] - mass["x"].iloc[0] == pytest.approx(row["displacement"])
    assert torso["time"].max() == pytest.approx(0.015 * row["length"])
    assert row["fell_forward"] + row["fell_backward"] == 1
    assert (row["fell_forward"] == 1) == (row["displacement"] > 0)
    assert torso["z"].iloc[-1] < 1.05, "an episode ends fallen once the torso sinks below a metre"


def test_the_poses_are_those_of_the_episode_with_the_median_return() -> None:
    environment = Environment(id="Humanoid-v5", kwargs=KWARGS, horizon=40)
    options = {"stage": "late", "policy": NETWORK, "episodes": 4, "frames": 3}
    found = job_of(GaitExperiment, environment, {"learner": Variant()}, 0, **options).measure({0: policy(0)})
    poses, endings = found["poses"], found["endings"]
    shown = endings[endings["shown"] == 1].iloc[0]
    assert shown["episode"] not in (0, 3), "neither the first nor the last"
    assert shown["return"] == endings["return"].sort_values().iloc[1]
    mass = poses[poses["part"] == "centre_of_mass"]
    assert mass["x"].iloc[-1] - mass["x"].iloc[0] == pytest.approx(shown["moved"], abs=1e-12)


def test_the_centre_of_mass_starts_between_the_feet_and_the_head() -> None:
    _, poses = watched(0, episodes=1)
    start = poses[poses["frame"] == 0].set_index("part")
    x, z = start["x"].to_dict(), start["z"].to_dict()
    assert z["left_foot"] + 0.5 < z["centre_of_mass"] < z["head"] - 0.3
    assert abs(x["centre_of_mass"] - x["pelvis"]) < 0.1


def test_an_episode_that_the_horizon_ends_is_no_fall() -> None:
    row = watched(0, horizon=5)[0].iloc[0]
    assert row[["not_fallen", "fell_forward", "fell_backward", "length"]].tolist() == [1, 0, 0, 5]


def test_other_policies_and_stages_have_other_displacements() -> None:
    pushed = policy(0)["theta"].copy()
    # The last layer's 17 biases, before the 17 log standard deviations.
    pushed[-34:-17] = 0.4
    found = (watched(0), watched(0, policies={0: {"theta": pushed}}), watched(0, stage="initial"))
    assert len({rows["displacement"].item() for rows, _ in found}) == 3
