"""Humanoids from the side as stick figures, from the positions of body parts in metres; no renderer is needed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.gait.record import GaitExperiment
from pg.plotting import layout, style
from pg.plotting.text import counted

_LIMBS = (("torso", "{}_shoulder", "{}_elbow", "{}_hand"), ("pelvis", "{}_hip", "{}_knee", "{}_foot"))
# The humanoid looks to the right of the picture, so that its right side is nearer.
_SIDES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "left": {"color": "#d55e00", "linestyle": (0, (2.0, 0.8))},
        "right": {"color": "#0072b2", "linestyle": "-"},
    }
)
_HEAD, _FOOT = 0.09, 0.075  # metres, the radii of MuJoCo's spheres
_HEIGHT = 1.75  # metres shown, a little more than the height of the humanoid
_BELOW = 0.32  # metres below the ground, where the time is written
_FRAMES = 8  # of an episode at most; more would be too small
_STRIDE = 1.15  # metres of picture between two frames
_MARGIN = 0.12  # metres of picture left and right of the outermost limbs
_TITLE = 0.22  # inches above each strip


def draw(request: FigureRequest[GaitExperiment]) -> Drawn:
    """Draw a strip per environment and stage: frames from left to right, each moved by the distance walked."""
    stages, seed = request.stages, request.experiment.seeds.first
    chosen = dict.fromkeys((stages[0], stages[len(stages) // 2], stages[-1]))
    episodes = {
        place: _some_frames(request.rows("poses", place, seed=seed))
        for place in request.places
        if place.stage in chosen
    }
    # All strips have one scale.
    reached = pd.concat([rows["frame"] * _STRIDE + rows["x"] for rows in episodes.values()])
    left, right = min(-_MARGIN, reached.min()) - _MARGIN, reached.max() + _MARGIN
    height = style.unscaled(style.WIDTHS[request.figure.width]) / (right - left) * (_HEIGHT + _BELOW) + _TITLE
    figure = layout.canvas(request.figure.width, 0.05 + height * len(episodes))
    strips = figure.subplots(len(episodes), 1, squeeze=False)[:, 0]
    for axes, (place, episode) in zip(strips, episodes.items(), strict=True):
        steps = request.trained[place.stage]
        when = f"after {counted(round(steps), 'environment step')}" if steps else "before training"
        axes.set_title(f"{request.environment_label(place.environment)}, {when}", pad=2)
        axes.set_aspect("equal")
        axes.set(xlim=(left, right), ylim=(-_BELOW, _HEIGHT))
        axes.set_axis_off()
        axes.axhline(0, color=style.INK, linewidth=0.7, zorder=0)
        for _, pose in episode.groupby("frame"):
            _draw_pose(axes, pose.set_index("part"))
    entries = [Line2D([], [], label=f"{side} arm and leg", **look) for side, look in _SIDES.items()]
    layout.legend_below(figure, entries)
    return figure, (
        "Humanoids from the side, forward is to the right: the episode with the median return of seed "
        f"{seed} (of {request.seeds}) at the first, middle and last stage of training, in frames at equal intervals "
        "from start to end, with their times. The tick on the ground marks where the episode began."
    )


def _some_frames(poses: pd.DataFrame) -> pd.DataFrame:
    """Keep at most `_FRAMES` evenly spaced frames, numbered from 0."""
    frames = np.unique(np.linspace(0, poses["frame"].max(), _FRAMES).round().astype(int))
    places = {frame: place for place, frame in enumerate(frames.tolist())}
    return poses[poses["frame"].isin(frames)].assign(frame=lambda rows: rows["frame"].map(places))


def _draw_pose(axes: Axes, pose: pd.DataFrame) -> None:
    """Draw one frame, the far side first."""
    at = float(pose["frame"].iloc[0]) * _STRIDE
    at_x, z = pose["x"] + at, pose["z"]
    for depth, (side, look) in enumerate(_SIDES.items()):
        for limb in _LIMBS:
            parts = [part.format(side) for part in limb]
            axes.plot(at_x[parts], z[parts], linewidth=1.3, solid_joinstyle="round", zorder=2 + 2 * depth, **look)
        foot = f"{side}_foot"
        axes.add_patch(Circle((at_x[foot], z[foot]), _FOOT, color=look["color"], linewidth=0, zorder=2 + 2 * depth))
    spine, neck = ["torso", "pelvis"], ["head", "torso"]
    axes.plot(at_x[spine], z[spine], color=style.INK, linewidth=1.6, solid_capstyle="round", zorder=3)
    axes.plot(at_x[neck], z[neck], color=style.INK, linewidth=1.6, zorder=3)
    axes.add_patch(Circle((at_x["head"], z["head"]), _HEAD, color=style.INK, linewidth=0, zorder=3))
    axes.plot([at, at], [-0.06, 0], color=style.INK, linewidth=0.7)
    axes.text(at, -0.1, f"{pose['time'].iloc[0]:.2f} s", ha="center", va="top", fontsize=style.scaled(6.5))
