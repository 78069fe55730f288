"""The metrics of humanoid gaits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pg.experiments.metric import Metric

if TYPE_CHECKING:
    from pg.experiments.gait.measure import Watched


def falls(
    terminated: NDArray[np.bool_], moved: NDArray[np.float64], sunk: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which episodes end in a fall forward, and which in a fall backward.

    An episode ends in a fall if it terminates with the centre of mass lower than at the start; episodes also terminate
    if the humanoid jumps too high. The fall is forward if the centre of mass has moved forward since the start: the
    reward pays for that distance. At the end of an episode, `moved` is this distance, and `sunk` that down, in metres.
    """
    fallen = terminated & (sunk > 0)
    return fallen & (moved > 0), fallen & (moved < 0)


def alternating_steps(on_floor: NDArray[np.bool_]) -> int:
    """Count the changes of the stance foot, which is the only foot that touches the floor.

    A change between left and right is a step, also if both feet or none touch the floor in between. Contact of both
    feet, hopping on one foot, and lifting and lowering the same foot are not steps. `on_floor` (T, 2) is true
    where a foot touches the floor.
    """
    alone = on_floor[on_floor.sum(axis=1) == 1]
    return int(np.count_nonzero(alone[1:, 0] != alone[:-1, 0]))


METRICS: tuple[Metric[Watched], ...] = (
    Metric(
        "fell_forward",
        "share of episodes that end fallen forward",
        "Share of a policy's episodes that terminate with the centre of mass lower and further forward than at their "
        "start.",
        of=lambda seen: float(seen.falls[0].mean()),
        is_part=True,
    ),
    Metric(
        "fell_backward",
        "share of episodes that end fallen backward",
        "Share of a policy's episodes that terminate with the centre of mass lower and further back than at their "
        "start.",
        of=lambda seen: float(seen.falls[1].mean()),
        is_part=True,
    ),
    Metric(
        "not_fallen",
        "share of episodes that end without a fall",
        "Share of a policy's episodes that neither fall forward nor backward.",
        of=lambda seen: float((~seen.falls[0] & ~seen.falls[1]).mean()),
        is_part=True,
    ),
    Metric(
        "displacement",
        "distance moved forward",
        "Metres that the centre of mass has moved forward by the end of an episode; averaged over a policy's episodes.",
        of=lambda seen: float(seen.displacement[:, 0].mean()),
        unit="m",
    ),
    Metric(
        "length",
        "length of an episode",
        "Steps of an episode, averaged over a policy's episodes.",
        of=lambda seen: float(seen.lengths.mean()),
        unit="environment steps",
    ),
    Metric(
        "alternating_steps",
        "changes of the stance foot per episode",
        "Number of changes of the stance foot, the only foot that touches the floor, in an episode; averaged over a "
        "policy's episodes.",
        of=lambda seen: float(np.mean([alternating_steps(feet) for feet in seen.motion.on_floor])),
        noun="the number of changes of the stance foot in an episode",
    ),
    Metric(
        "episode_return",
        "return of an episode",
        "Return of an episode, averaged over a policy's episodes.",
        of=lambda seen: float(seen.episodes.returns[0].double().mean()),
    ),
)
