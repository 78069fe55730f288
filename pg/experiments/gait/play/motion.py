"""Humanoids in motion: the median episode of every policy, at a stage of training and a moment of the episode."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from pg.experiments.figures.request import FigureRequest, places_of
from pg.experiments.gait.record import GaitExperiment
from pg.plotting import style
from pg.plotting.explorable import Explorable, Layout, Panel, choice, slider
from pg.plotting.text import counted

_LIMBS = {
    "left arm": ("torso", "left_shoulder", "left_elbow", "left_hand"),
    "left leg": ("pelvis", "left_hip", "left_knee", "left_foot"),
    "spine": ("head", "torso", "pelvis"),
    "right arm": ("torso", "right_shoulder", "right_elbow", "right_hand"),
    "right leg": ("pelvis", "right_hip", "right_knee", "right_foot"),
    "head": ("head",),
    "mass": ("centre_of_mass",),
}
_LEFT, _RIGHT, _MASS = "#d55e00", "#0072b2", "#a0006d"
_COLOURS = {"left arm": _LEFT, "left leg": _LEFT, "spine": style.INK, "right arm": _RIGHT, "right leg": _RIGHT}
_ENDINGS = {"forward": "falls forward", "backward": "falls backward", "none": "does not fall"}
_TOP, _BOTTOM, _ROOM = 2.1, -0.1, 0.2  # metres above and below the ground, and beside the outermost limb
_SHOWN = "datum.place == place && datum.frame == min(frame, datum.last)"


def explore(request: FigureRequest[GaitExperiment]) -> Explorable:
    """Show a panel per policy."""
    poses, endings = (_placed(request, table) for table in ("poses", "endings"))
    limbs, texts = _limbs(poses), _texts(endings)
    reach = (float(poses["x"].min()) - _ROOM, float(poses["x"].max()) + _ROOM)
    last = int(poses["frame"].max())
    shares = [round(100 * frame / last) for frame in range(last + 1)]
    when = {str(one): _when(request, one.environment, request.trained[one.stage]) for one in request.places}
    return Explorable(
        title="How the humanoid moves, policy by policy",
        hint=(
            "Choose a stage of training, and press play or move the slider. A panel is the episode with the median "
            "return of one policy; forward is to the right. The purple dot is the centre of mass: a fall is forward "
            "if it has moved forward since the start, past the tick on the ground. Left limbs "
            "are orange, right ones blue."
        ),
        controls=(
            choice("place", "Policies", when),
            slider("frame", "Per cent of the episode", range(last + 1), labels=shares, plays=True),
        ),
        panels=[
            _panel(f"policy {seed}", limbs[limbs["seed"] == seed], texts[texts["seed"] == seed], reach)
            for seed in sorted(poses["seed"].unique())
        ],
        columns=5,
        layout=Layout(least=150, margin=8, aspect=(_TOP - _BOTTOM) / (reach[1] - reach[0])),
    )


def _placed(request: FigureRequest[GaitExperiment], table: str) -> pd.DataFrame:
    rows = request.tables[table]
    return rows.assign(place=places_of(rows))[rows["environment"].isin(list(request.environments))]


def _when(request: FigureRequest[GaitExperiment], environment: str, steps: float) -> str:
    stage = f"after {counted(round(steps), 'environment step')}" if steps else "before training"
    return f"{request.environment_label(environment)}, {stage}" if len(request.environments) > 1 else stage


def _limbs(poses: pd.DataFrame) -> pd.DataFrame:
    """Return a row per policy, frame and limb, with the places of its parts in centimetres as lists."""
    last = poses.groupby(["place", "seed"], observed=True)["frame"].transform("max")
    keys = ["place", "seed", "frame", "last"]
    found = poses.assign(last=last).pivot_table(["x", "z"], keys, "part", observed=True)
    rows = []
    for limb, parts in _LIMBS.items():
        places = {axis: _centimetres(found[[(axis, part) for part in parts]]) for axis in ("x", "z")}
        rows.append(pd.DataFrame(places, found.index).assign(limb=limb))
    return pd.concat(rows).reset_index()


def _centimetres(metres: pd.DataFrame) -> list[list[int]]:
    return np.nan_to_num(100 * metres.to_numpy()).round().astype(int).tolist()


def _texts(endings: pd.DataFrame) -> pd.DataFrame:
    """Return two lines for each policy: the episode that is shown, and how all of its episodes end."""
    rows = []
    for (place, seed), own in endings.groupby(["place", "seed"], observed=True):
        shown = own[own["shown"] == 1].iloc[0]
        forward = int((own["ending"] == "forward").sum())
        ending = _ENDINGS[str(shown["ending"])]
        lines = [f"return {shown['return']:.1f}, {ending}", f"{forward} of {len(own)} fall forward"]
        rows.append({"place": place, "seed": seed, "lines": lines})
    return pd.DataFrame(rows)


def _panel(title: str, limbs: pd.DataFrame, texts: pd.DataFrame, reach: tuple[float, float]) -> Panel:
    """Draw one policy: its limbs at the moment of the slider, its head and its centre of mass."""
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[round(100 * end) for end in reach], nice=False))
    z = alt.Y("z:Q", axis=None, scale=alt.Scale(domain=[100 * _BOTTOM, 100 * _TOP], nice=False))
    origin = alt.Chart(pd.DataFrame({"x": [0], "z": [0]}))
    ground = origin.mark_rule(color=style.FAINT).encode(y=z)
    start = origin.mark_tick(orient="vertical", size=8, color=style.INK).encode(x=x, y=z)
    words = (
        alt.Chart(texts).transform_filter("datum.place == place").mark_text(align="left", baseline="top", fontSize=11)
    )
    lines = words.encode(x=alt.value(0), y=alt.value(0), text="lines:N")
    return alt.layer(ground, start, *_pose(limbs, x, z), lines).properties(title=title)


def _pose(limbs: pd.DataFrame, x: alt.X, z: alt.Y) -> list[alt.Chart]:
    """Draw the limbs, and on top of them the head and the centre of mass."""
    shown = alt.Chart(limbs.drop(columns="seed")).transform_filter(_SHOWN).transform_flatten(["x", "z"])
    pose = shown.transform_window(at="row_number()").encode(x=x, y=z)
    scale = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    lines = pose.mark_line(strokeWidth=2.5, strokeCap="round", strokeJoin="round", clip=True)
    dots = [
        pose.transform_filter(f"datum.limb == '{limb}'").mark_circle(color=colour, size=size, opacity=1, clip=True)
        for limb, colour, size in (("head", style.INK, 90), ("mass", _MASS, 60))
    ]
    return [lines.encode(color=alt.Color("limb:N", scale=scale, legend=None), detail="limb:N", order="at:Q"), *dots]
