"""Controllers follow their rules, draw nothing, and can be outperformed."""

import numpy as np
import pytest
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.environments.registry import CONTROLLERS
from pg.learning.rollout import Generators, collect

# Position, velocity, angle, angular velocity; components that the rule ignores have the other sign.
CARTPOLE = np.array([[-1, -1, 0.1, -1], [1, 1, -0.1, 1], [-1, -1, 0.2, 2], [1, 1, -0.2, -2]], dtype=np.float32)


@pytest.mark.parametrize(("name", "pushed"), [("lean", [1, 0, 1, 0]), ("fall", [0, 1, 1, 0])])
def test_cartpole_is_pushed_towards_the_sign_that_the_rule_reads(name: str, pushed: list[int]) -> None:
    controller = CONTROLLERS[name]
    actions = controller.act(CARTPOLE, controller.noise(np.random.default_rng(0), 1, 4)[0])
    assert actions.tolist() == pushed
    assert actions.dtype == np.int64


def test_pendulum_controller_is_linear_in_angle_and_velocity() -> None:
    observations = np.array([[3, 0, 5, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, -0.1, 0, 2]], dtype=np.float32)
    controller = CONTROLLERS["upright"]
    forces = controller.act(observations, controller.noise(np.random.default_rng(0), 1, 4)[0])
    np.testing.assert_allclose(forces, [[0], [10], [1], [1]])


@pytest.mark.parametrize("name", CONTROLLERS)
def test_controller_draws_nothing_and_refuses_other_sizes(name: str) -> None:
    drawn, fresh = np.random.default_rng(3), np.random.default_rng(3)
    noise = CONTROLLERS[name].noise(drawn, 5, 2)
    assert noise.shape == (5, 2, 0)
    assert drawn.integers(1000) == fresh.integers(1000)
    with pytest.raises(ValueError, match="expects 4 components, not 2"):
        CONTROLLERS[name].act(np.zeros((2, 2), dtype=np.float32), noise[0])


@pytest.mark.parametrize(("name", "low", "high"), [("lean", 35, 60), ("fall", 150, 230), ("upright", 200, 330)])
def test_controllers_are_better_than_chance_and_far_from_perfect(name: str, low: float, high: float) -> None:
    controller = CONTROLLERS[name]
    copies = make_environments(Environment(id=controller.fits[-1]), 20)
    batch = collect(copies, controller, Generators.of(0))
    assert low < batch.returns.mean() < high
