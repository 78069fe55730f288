"""Side views of humanoids as stick figures: one episode before training, one in the middle, one behind the last update.

Drawn from the positions of body parts in metres; no renderer is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from pandas import DataFrame, concat

from pg.plotting import style
from pg.plotting.captions import counted, listed, quoted
from pg.plotting.labels import environment_label
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest

_SPINE = ("torso", "pelvis")
_LIMBS = (("torso", "{}_shoulder", "{}_elbow", "{}_hand"), ("pelvis", "{}_hip", "{}_knee", "{}_foot"))
# The humanoid looks along x, to the right of the picture: its right side is nearer.
_COLOURS: Mapping[str, str] = MappingProxyType({"left": "#d55e00", "right": "#0072b2"})
_HEAD, _FOOT = 0.09, 0.075  # metres, the radii of MuJoCo's own spheres
_HEIGHT = 1.75  # metres shown, a little more than the humanoid stands tall
_BELOW = 0.32  # metres below the ground, where the time is written
_STRIDE = 1.15  # metres of picture between two frames
_MARGIN = 0.12  # metres of picture beside the outermost limbs
_TITLE = 0.22  # inches above each strip


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw a strip per environment and stage shown: frames from left to right, each where its torso has come to."""
    episodes = {place: _episode(request, place) for place in _places(request)}
    left, right = _ends(episodes.values())
    height = style.unscaled(style.WIDTHS[request.figure.width]) / (right - left) * (_HEIGHT + _BELOW) + _TITLE
    figure = style.canvas(request.figure.width, 0.05 + height * len(episodes))
    strips = figure.subplots(len(episodes), 1, squeeze=False)[:, 0]
    for axes, (place, episode) in zip(strips, episodes.items(), strict=True):
        axes.set_title(_heading(request, place), pad=2)
        axes.set_aspect("equal")
        axes.set(xlim=(left, right), ylim=(-_BELOW, _HEIGHT))
        axes.set_axis_off()
        axes.axhline(0, color=style.INK, linewidth=0.7, zorder=0)
        for _, pose in episode.groupby("frame"):
            _draw_pose(axes, pose.set_index("part"))
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, how far each episode went, and how many of all episodes end in a fall forward."""
    lead = (
        f"Humanoids from the side, forward is to the right: the first episode of seed {_seed(request)} at each stage, "
        "from its start to its end in evenly spaced frames. Under each stands its time; the tick on the ground marks "
        "where the episode began, in the scale of the bodies."
    )
    return "\n".join([lead, *(_sentence(request, place) for place in _places(request))])


def _places(request: FigureRequest) -> tuple[Place, ...]:
    """Choose the first stage, the middle one and the last."""
    stages = request.gait.source.stages
    chosen = dict.fromkeys((stages[0], stages[len(stages) // 2], stages[-1]))
    return tuple(Place(environment, stage) for environment in request.environments for stage in chosen)


def _seed(request: FigureRequest) -> int:
    return request.gait.seeds.first


def _episode(request: FigureRequest, place: Place) -> DataFrame:
    """Select the drawn episode of a place; column at is where in the picture the ground below its start is."""
    rows = request.rows("poses", environment=place.environment, stage=place.stage, seed=_seed(request))
    return rows.assign(at=rows["frame"] * _STRIDE)


def _ends(episodes: Iterable[DataFrame]) -> tuple[float, float]:
    """Return how far the strips reach: the same for all of them, so that all have one scale."""
    reached = concat([rows["at"] + rows["x"] for rows in episodes])
    return min(-_MARGIN, reached.min()) - _MARGIN, reached.max() + _MARGIN


def _heading(request: FigureRequest, place: Place) -> str:
    steps = request.trained[place.stage]
    when = f"after {counted(round(steps), 'environment step')}" if steps else "before training"
    return f"{environment_label(request.study, place.environment)}, {when}"


def _draw_pose(axes: Axes, pose: DataFrame) -> None:
    """Draw one moment, the far side first."""
    at = float(pose["at"].iloc[0])
    at_x, z = pose["x"] + at, pose["z"]
    for depth, (side, colour) in enumerate(_COLOURS.items()):
        for limb in _LIMBS:
            parts = [part.format(side) for part in limb]
            axes.plot(at_x[parts], z[parts], color=colour, linewidth=1.3, solid_joinstyle="round", zorder=2 + 2 * depth)
        foot = f"{side}_foot"
        axes.add_patch(Circle((at_x[foot], z[foot]), _FOOT, color=colour, linewidth=0, zorder=2 + 2 * depth))
    axes.plot(at_x[[*_SPINE]], z[[*_SPINE]], color=style.INK, linewidth=1.6, solid_capstyle="round", zorder=3)
    axes.plot(at_x[["head", "torso"]], z[["head", "torso"]], color=style.INK, linewidth=1.6, zorder=3)
    axes.add_patch(Circle((at_x["head"], z["head"]), _HEAD, color=style.INK, linewidth=0, zorder=3))
    axes.plot([at, at], [-0.06, 0], color=style.INK, linewidth=0.7)
    axes.text(at, -0.1, f"{pose['time'].iloc[0]:.2f} s", ha="center", va="top", fontsize=style.scaled(6.5))


def _sentence(request: FigureRequest, place: Place) -> str:
    episode = _episode(request, place)
    torso = episode.loc[episode["part"] == "torso"].sort_values("frame")
    way, steps = torso["x"].iloc[-1] - torso["x"].iloc[0], int(torso["step"].iloc[-1])
    drawn = f"the torso moves {abs(way):.2f} m {'forward' if way > 0 else 'backward'} in {counted(steps, 'step')}"
    shares = {"forward": "fell_forward", "backward": "fell_backward"}
    falls = listed([f"{_share(request, place, metric)} {words}" for words, metric in shares.items()])
    return f"{_heading(request, place)}: {drawn}; share of all episodes that end in a fall: {falls}."


def _share(request: FigureRequest, place: Place, metric: str) -> str:
    return quoted(request.rows("summary", environment=place.environment, stage=place.stage, metric=metric))


def _entries() -> list[Line2D]:
    return [Line2D([], [], color=colour, label=f"{side} arm and leg") for side, colour in _COLOURS.items()]
