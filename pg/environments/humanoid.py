"""MuJoCo's humanoid, watched while it is stepped: where the parts of its body are, and which feet are on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.catalogue import horizon_of, make_copy
from pg.environments.record import Environment
from pg.environments.stacked import SteppedOneByOne, as_observed

# A joint is where the body that it moves begins; what no joint moves by itself is the middle of a geom.
_BODIES = {
    "torso": "torso",
    "pelvis": "pelvis",
    "left_shoulder": "left_upper_arm",
    "right_shoulder": "right_upper_arm",
    "left_elbow": "left_lower_arm",
    "right_elbow": "right_lower_arm",
    "left_hip": "left_thigh",
    "right_hip": "right_thigh",
    "left_knee": "left_shin",
    "right_knee": "right_shin",
}
_GEOMS = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
FEET = ("left_foot", "right_foot")
"""Names of the parts that may touch the floor."""

PARTS = (*_BODIES, *_GEOMS)
"""Names of the parts of the body whose positions are known."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What N humanoids did from their start, at time 0, until the step T of the last of them.

    Attributes
    ----------
    positions
        Metres forward (x) and up (z) of each of the PARTS, (N, T + 1, parts, 2); NaN behind a trajectory's end.
    on_floor
        Whether the left and the right foot touch the floor, (N, T + 1, 2); false behind a trajectory's end.
    seconds
        Time between two steps.
    """

    positions: NDArray[np.float64]
    on_floor: NDArray[np.bool_]
    seconds: float


class WatchedHumanoids:
    """N copies of the humanoid for one seed, stepped as every environment is, each moment kept."""

    states = None

    def __init__(self, environment: Environment, trajectories: int) -> None:
        self.horizon = horizon_of(environment)
        copies = [make_copy(environment.id, environment.kwargs, self.horizon) for _ in range(trajectories)]
        self._stepped = as_observed(SteppedOneByOne(copies, self.horizon, trajectories), environment)
        self.spaces = self._stepped.spaces
        self._bodies = [_Body(copy) for copy in copies]
        self._moments: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []

    @property
    def motion(self) -> Motion:
        """What was seen since the last reset."""
        positions, on_floor = zip(*self._moments, strict=True)
        return Motion(np.stack(positions, axis=1), np.stack(on_floor, axis=1), self._bodies[0].seconds)

    def resized(self, seeds: int) -> WatchedHumanoids:
        """Return the copies themselves.

        Raises
        ------
        ValueError
            If more seeds than one are asked for.
        """
        if seeds != 1:
            raise ValueError(f"{seeds} seeds asked of humanoids that are watched for one")
        return self

    def reset(self, generators: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """Put every copy on its start, and forget what was seen before."""
        observations = self._stepped.reset(generators)
        self._moments = []
        self._watch(np.ones(len(self._bodies), dtype=np.bool_))
        return observations

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Step the copies that are alive, and look at them."""
        transition = self._stepped.step(actions, alive)
        self._watch(alive[0])
        return transition

    def _watch(self, alive: NDArray[np.bool_]) -> None:
        positions = np.full((len(alive), len(PARTS), 2), np.nan)
        on_floor = np.zeros((len(alive), len(FEET)), dtype=np.bool_)
        for i in np.flatnonzero(alive).tolist():
            positions[i], on_floor[i] = self._bodies[i].positions(), self._bodies[i].on_floor()
        self._moments.append((positions, on_floor))


class _Body:
    """The physical data behind one copy of the humanoid."""

    def __init__(self, copy: gymnasium.Env[Any, Any]) -> None:
        simulation: Any = copy.unwrapped
        self.seconds = float(simulation.dt)
        self._data, model = simulation.data, simulation.model
        self._bodies = [model.body(name).id for name in _BODIES.values()]
        self._geoms = [model.geom(name).id for name in _GEOMS]
        self._feet = np.array([model.geom(name).id for name in FEET])
        self._floor = model.geom("floor").id

    def positions(self) -> NDArray[np.float64]:
        """Return x and z of each of the PARTS."""
        return np.concatenate([self._data.xpos[self._bodies], self._data.geom_xpos[self._geoms]])[:, ::2]

    def on_floor(self) -> NDArray[np.bool_]:
        """Tell which feet are in a contact with the floor that MuJoCo has found."""
        pairs = self._data.contact.geom[: self._data.ncon]
        with_floor = pairs[(pairs == self._floor).any(axis=1)]
        return (with_floor[..., np.newaxis] == self._feet).any(axis=(0, 1))
