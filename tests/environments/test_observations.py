"""A policy sees the declared components and steps of the current trajectory alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pg.core.trajectories import Spaces, Transition
from pg.environments.catalogue import COMPONENTS, earned_mdp_of
from pg.environments.copies import Observed, make_environments
from pg.environments.record import Environment, Observations

ALIVE = np.ones(2, dtype=np.bool_)
ACTIONS = np.zeros(2, dtype=np.int64)
ANY = np.random.default_rng(0)


class Counting:
    """Two copies with three components: 10 × the time, the number of the copy, 1000 × the number of resets."""

    spaces = Spaces(3, 2)
    horizon = 9
    states = None

    def __init__(self) -> None:
        self.resets, self.time = 0, 0

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        del generator
        self.resets, self.time = self.resets + 1, 1
        return self.seen()

    def step(self, _actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        self.time += 1
        return Transition(self.seen(), np.full(2, 7.0), ~alive, ~alive)

    def seen(self) -> NDArray[np.float32]:
        return np.array([[10 * self.time, copy, 1000 * self.resets] for copy in (1, 2)], dtype=np.float32)


def environment(id: str = "CartPole-v1", **seen: Any) -> Environment:
    return Environment(id=id, horizon=5, observations=Observations(**seen))


def test_stack_has_the_last_observations_oldest_first() -> None:
    window = Observed(Counting(), (), 2, normalised=False)
    assert window.spaces == Spaces(6, 2)
    assert window.horizon == 9
    assert window.reset(ANY).tolist() == [[0, 0, 0, 10, 1, 1000], [0, 0, 0, 10, 2, 1000]]
    transition = window.step(ACTIONS, ALIVE)
    assert transition.observations.tolist() == [[10, 1, 1000, 20, 1, 1000], [10, 2, 1000, 20, 2, 1000]]
    assert transition.rewards.tolist() == [7.0, 7.0]
    assert window.step(ACTIONS, ALIVE).observations[0].tolist() == [20, 1, 1000, 30, 1, 1000]
    assert window.reset(ANY)[0].tolist() == [0, 0, 0, 10, 1, 2000], "the stack is cleared"


def test_components_are_hidden_before_stacking() -> None:
    window = Observed(Counting(), (1,), 3, normalised=False)
    assert window.spaces == Spaces(6, 2)
    window.reset(ANY)
    assert window.step(ACTIONS, ALIVE).observations[1].tolist() == [0, 0, 10, 1000, 20, 1000]


def test_earlier_observations_are_not_overwritten() -> None:
    window = Observed(Counting(), (), 2, normalised=False)
    first = window.reset(ANY)
    kept = first.copy()
    window.step(ACTIONS, ALIVE)
    window.step(ACTIONS, ALIVE)
    assert np.array_equal(first, kept)


def test_environments_without_options_are_not_wrapped() -> None:
    assert not isinstance(make_environments(environment(), 3), Observed)


@pytest.mark.parametrize("id", ["CartPole-v1", "InvertedPendulum-v5"])
def test_velocities_are_hidden_by_name_or_by_number(id: str) -> None:
    names = COMPONENTS[id]
    numbers = tuple(names.index(name) for name in ("velocity", "angular_velocity"))
    kept = [index for index in range(4) if index not in numbers]
    whole, by_name, by_number = (
        make_environments(environment(id, hide=hide), 2).reset(np.random.default_rng(0))
        for hide in ((), ("velocity", "angular_velocity"), numbers)
    )
    assert np.array_equal(by_name, whole[..., kept])
    assert np.array_equal(by_number, by_name)


@pytest.mark.parametrize(("id", "moved"), [("CartPole-v1", (0, 2)), ("InvertedPendulum-v5", (0, 1))])
def test_positions_change_by_their_velocities(id: str, moved: tuple[int, int]) -> None:
    """Names match components: over one step, positions and angles change by their velocities."""
    copies, names = make_environments(environment(id), 8), COMPONENTS[id]
    copies.reset(np.random.default_rng(0))
    push = np.ones(8, np.int64) if copies.spaces.action_count else np.full((8, 1), 2.0)
    alive = np.ones(8, dtype=np.bool_)
    copies.step(push, alive)
    previous, before = (copies.step(push, alive).observations for _ in range(2))
    assert tuple(names.index(name) for name in ("position", "angle")) == moved
    for position, velocity in (("position", "velocity"), ("angle", "angular_velocity")):
        change = (before - previous)[..., names.index(position)]
        speed = (before + previous)[..., names.index(velocity)] / 2
        assert np.corrcoef(change.ravel(), speed.ravel())[0, 1] > 0.95
        assert (np.sign(change) == np.sign(speed)).mean() > 0.8


def test_hidden_states_of_a_table_have_equal_observations() -> None:
    declared = Environment(id="pg/Chain-v0", kwargs={"length": 3}, observations=Observations(hide=(0, 2)))
    mdp = earned_mdp_of(declared)
    assert mdp is not None
    assert mdp.observations.tolist() == [[0.0], [1.0], [0.0]]
    assert mdp.spaces == Spaces(1, 2)
    copies = make_environments(declared, 2)
    assert copies.spaces == mdp.spaces
    assert copies.reset(np.random.default_rng(0)).tolist() == [[0.0], [0.0]]
