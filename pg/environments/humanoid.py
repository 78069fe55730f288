"""Record body positions and foot contacts of MuJoCo's humanoid while it is stepped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pg.core.trajectories import Transition
from pg.environments.catalogue import horizon_of, make_copy
from pg.environments.copies import as_observed, stepped
from pg.environments.record import Environment

# The position of a joint is the origin of the body that it moves. Head, hands and feet are centres of geoms.
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
"""Parts whose contact with the floor is recorded."""

PARTS = (*_BODIES, *_GEOMS, "centre_of_mass")
"""Parts of the body whose positions are recorded, and the centre of mass of the whole body."""


@dataclass(frozen=True, slots=True)
class Motion:
    """The recorded motion of N humanoids, from time 0 to the last step T of the longest trajectory.

    Attributes
    ----------
    positions
        Metres forward (x) and up (z) of each of the PARTS, (N, T + 1, parts, 2); NaN after a trajectory's end.
    on_floor
        Whether the left and the right foot touch the floor, (N, T + 1, 2); false after a trajectory's end.
    seconds
        Seconds per step.
    """

    positions: NDArray[np.float64]
    on_floor: NDArray[np.bool_]
    seconds: float


class RecordedHumanoids:
    """N copies of the humanoid, with a recording of their motion."""

    states = None

    def __init__(self, environment: Environment, trajectories: int) -> None:
        self.horizon = horizon_of(environment)
        copies = [make_copy(environment.id, environment.kwargs, self.horizon) for _ in range(trajectories)]
        self._stepped = as_observed(stepped(copies, self.horizon), environment)
        self.spaces = self._stepped.spaces
        self._bodies = [_Body(copy) for copy in copies]
        self._recording: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []

    @property
    def motion(self) -> Motion:
        """The motion since the last reset."""
        positions, on_floor = zip(*self._recording, strict=True)
        return Motion(np.stack(positions, axis=1), np.stack(on_floor, axis=1), self._bodies[0].seconds)

    def reset(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Reset every copy and start a new recording."""
        observations = self._stepped.reset(generator)
        self._recording = []
        self._record(np.ones(len(self._bodies), dtype=np.bool_))
        return observations

    def step(self, actions: NDArray[Any], alive: NDArray[np.bool_], /) -> Transition:
        """Step the copies that are alive and record their positions."""
        transition = self._stepped.step(actions, alive)
        self._record(alive)
        return transition

    def _record(self, alive: NDArray[np.bool_]) -> None:
        positions = np.full((len(alive), len(PARTS), 2), np.nan)
        on_floor = np.zeros((len(alive), len(FEET)), dtype=np.bool_)
        for i in np.flatnonzero(alive).tolist():
            positions[i], on_floor[i] = self._bodies[i].positions(), self._bodies[i].on_floor()
        self._recording.append((positions, on_floor))


class _Body:
    """The MuJoCo data of one copy of the humanoid."""

    def __init__(self, copy: gymnasium.Env[Any, Any]) -> None:
        simulation: Any = copy.unwrapped
        self.seconds = float(simulation.dt)
        self._data, model = simulation.data, simulation.model
        self._bodies = [model.body(name).id for name in _BODIES.values()]
        self._geoms = [model.geom(name).id for name in _GEOMS]
        # The centre of mass of everything that hangs on the torso, the root of the body.
        self._root = model.body("torso").id
        self._feet = np.array([model.geom(name).id for name in FEET])
        self._floor = model.geom("floor").id

    def positions(self) -> NDArray[np.float64]:
        mass = self._data.subtree_com[[self._root]]
        return np.concatenate([self._data.xpos[self._bodies], self._data.geom_xpos[self._geoms], mass])[:, ::2]

    def on_floor(self) -> NDArray[np.bool_]:
        pairs = self._data.contact.geom[: self._data.ncon]
        with_floor = pairs[(pairs == self._floor).any(axis=1)]
        return (with_floor[..., np.newaxis] == self._feet).any(axis=(0, 1))
