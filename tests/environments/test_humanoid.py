"""Recorded positions are MuJoCo's, and recording does not change the motion."""

import numpy as np
import pytest
from pg.environments.copies import make_environments
from pg.environments.humanoid import FEET, PARTS, RecordedHumanoids
from pg.environments.record import Environment, Observations

HUMANOID = Environment(id="Humanoid-v5", horizon=40)
STILL = Environment(id="Humanoid-v5", kwargs={"reset_noise_scale": 0.0}, horizon=40)
FOOT_RADIUS = 0.075
MARGINS = 0.002  # the model file's, of the foot and of the floor
ALIVE = np.ones(3, dtype=np.bool_)


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def actions(seed: int, steps: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (steps, 3, 17)).astype(np.float32)


def moved(environment: Environment = HUMANOID, steps: int = 15) -> RecordedHumanoids:
    humanoids = RecordedHumanoids(environment, 3)
    humanoids.reset(generator())
    for step in actions(1, steps):
        humanoids.step(step, ALIVE)
    return humanoids


def test_start_positions_are_those_of_the_model_file() -> None:
    """Heights are sums of the file's offsets: 1.4 for the torso, 0.19 more to the head, and so on down to the feet."""
    humanoids = RecordedHumanoids(STILL, 1)
    humanoids.reset(generator())
    motion = humanoids.motion
    assert motion.positions.shape == (1, 1, len(PARTS), 2)
    x, z = (dict(zip(PARTS, motion.positions[0, 0, :, axis].tolist(), strict=True)) for axis in (0, 1))
    assert (z["torso"], z["head"]) == pytest.approx((1.4, 1.59))
    heights = {"pelvis": 0.975, "shoulder": 1.46, "elbow": 1.28, "hand": 1.46, "hip": 0.935, "knee": 0.532}
    heights["foot"] = 0.182
    for part, height in heights.items():
        sides = [part] if part == "pelvis" else [f"left_{part}", f"right_{part}"]
        # The file turns the waist by a few thousandths.
        assert [z[side] for side in sides] == pytest.approx([height] * len(sides), abs=0.004), part
        assert x[sides[0]] == pytest.approx(x[sides[-1]], abs=1e-9)
    assert x["left_hand"] == pytest.approx(0.36)
    assert not motion.on_floor.any()
    assert motion.seconds == pytest.approx(0.015)


def test_foot_touches_the_floor_exactly_if_its_sphere_does() -> None:
    motion = moved(steps=20).motion
    gaps = motion.positions[..., [PARTS.index(foot) for foot in FEET], 1] - FOOT_RADIUS
    np.testing.assert_array_equal(motion.on_floor, gaps < MARGINS)
    assert (gaps < 0).any(axis=(0, 1)).all()
    # Left, right, both and none: all of them are seen.
    assert len(np.unique(motion.on_floor.reshape(-1, 2), axis=0)) == 4


@pytest.mark.parametrize("seen", [Observations(), Observations(hide=(0, 1), stack=2)], ids=["whole", "partly"])
def test_recording_does_not_change_the_steps(seen: Observations) -> None:
    environment = HUMANOID.model_copy(update={"observations": seen})
    recorded, plain = RecordedHumanoids(environment, 3), make_environments(environment, 3)
    assert recorded.spaces == plain.spaces
    assert recorded.horizon == plain.horizon == 40
    np.testing.assert_array_equal(recorded.reset(generator()), plain.reset(generator()))
    for step in actions(2, 10):
        mine, theirs = recorded.step(step, ALIVE), plain.step(step, ALIVE)
        np.testing.assert_array_equal(mine.observations, theirs.observations)
        np.testing.assert_array_equal(mine.rewards, theirs.rewards)
        np.testing.assert_array_equal(mine.terminated, theirs.terminated)


def test_motion_has_nothing_after_the_end_or_before_a_reset() -> None:
    humanoids = moved(steps=2)
    alive = np.array([True, False, True])
    humanoids.step(actions(3, 1)[0], alive)
    motion = humanoids.motion
    assert motion.positions.shape[:2] == motion.on_floor.shape[:2] == (3, 4)
    assert np.isnan(motion.positions).all(axis=(2, 3)).tolist() == [[False] * 4, [False] * 3 + [True], [False] * 4]
    assert not motion.on_floor[1, 3].any()
    humanoids.reset(generator())
    assert humanoids.motion.positions.shape[1] == 1
