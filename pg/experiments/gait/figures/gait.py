"""What humanoids learn while they are rewarded for forward velocity: falls by direction, steps, return."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from pg.plotting import marks, style
from pg.plotting.captions import counted, itemised, quoted
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest, Table


@dataclass(frozen=True, slots=True)
class _Curve:
    """One measure, and how it is told apart from another one in the same panel."""

    metric: str
    words: str
    place: int


_PANELS: dict[str, tuple[_Curve, ...]] = {
    "share of episodes": (
        _Curve("fell_forward", "fall forward", 0),
        _Curve("fell_backward", "fall backward", 1),
    ),
    "foot changes per episode": (_Curve("alternating_steps", "foot changes", 2),),
    "return of an episode": (_Curve("episode_return", "return", 2),),
}
_LOOKS = style.looks(["first", "second"])
# What has a panel of its own is in ink: a colour of the legend would say that it is one of the falls.
_COLOURS = [*(look.colour for look in _LOOKS.values()), style.INK]
_MARKERS = [*(look.marker for look in _LOOKS.values()), "D"]


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw each measure against the environment steps trained: a row of panels per environment, every seed thin."""
    across = len(_PANELS) if request.figure.width == "two_columns" else 1
    down = len(_PANELS) // across * len(request.environments)
    figure = style.canvas(request.figure.width, 0.2 + 1.6 * down)
    grid = figure.subplots(down, across, squeeze=False, sharex=True)
    panels = iter(grid.flat)
    for environment in request.environments:
        for words, curves in _PANELS.items():
            axes = next(panels)
            axes.set_ylabel(words)
            for curve in curves:
                _draw_curve(axes, request, environment, curve)
            _set_axes(axes, shared=len(curves) > 1)
            if words == next(iter(_PANELS)):
                axes.set_title(environment_label(request.study, environment))
    for axes in grid[-1]:
        axes.set_xlabel("environment steps trained")
    figure.align_ylabels()
    style.legend_below(figure, _entries(), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every number at the first stage and at the last."""
    experiment = request.gait
    lead = (
        f"Policies of {counted(request.seeds, 'seed')} as they train, {counted(experiment.episodes, 'episode')} of "
        "each. A fall ends an episode; it is forward where the torso has come forward since the start. Feet change "
        "where the humanoid stands on one foot alone and last did so on the other. Thin lines are seeds, marks and "
        "bars means over seeds with 95 % intervals, which stand in brackets below."
    )
    sentences = [lead]
    for environment in request.environments:
        for stage in dict.fromkeys((experiment.source.stages[0], experiment.source.stages[-1])):
            results = {curve.words: _result(request, environment, stage, curve) for curve in _curves()}
            name, steps = environment_label(request.study, environment), counted(round(request.trained[stage]), "step")
            sentences.append(f"{name}, after {steps} — {itemised(results)}.")
    return "\n".join(sentences)


def _draw_curve(axes: Axes, request: FigureRequest, environment: str, curve: _Curve) -> None:
    colour = _COLOURS[curve.place]
    seeds, means = (_rows(request, environment, curve.metric, table) for table in ("long", "summary"))
    faint = {"color": colour, "linewidth": 0.4, "alpha": 0.4}
    marks.line(axes, seeds, x="trained", y="value", units="seed", estimator=None, errorbar=None, **faint)
    low, high = style.bounded(means["ci_low"]), style.bounded(means["ci_high"])
    axes.vlines(means["trained"], low, high, colors=colour, linewidth=0.9)
    how = {"color": colour, "marker": _MARKERS[curve.place], "markersize": 3.5, "linewidth": 1.2}
    axes.plot(means["trained"], means["estimate"], markeredgewidth=0, **how)


def _set_axes(axes: Axes, *, shared: bool) -> None:
    axes.grid(visible=True, axis="y")
    style.plain_numbers(axes, x=True)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if shared:
        axes.set_ylim(-0.04, 1.04)


def _rows(request: FigureRequest, environment: str, metric: str, table: Table) -> DataFrame:
    """Select a metric's rows, with the environment steps that lie behind each stage in column trained."""
    rows = request.rows(table, environment=environment, metric=metric)
    rows = rows.assign(trained=rows["stage"].astype(str).map(request.trained))
    return rows.sort_values("trained", kind="stable")


def _curves() -> list[_Curve]:
    return [curve for curves in _PANELS.values() for curve in curves]


def _entries() -> list[Line2D]:
    shares = next(iter(_PANELS.values()))
    return [
        Line2D([], [], color=_COLOURS[curve.place], marker=_MARKERS[curve.place], label=curve.words) for curve in shares
    ]


def _result(request: FigureRequest, environment: str, stage: str, curve: _Curve) -> str:
    return quoted(request.rows("summary", environment=environment, metric=curve.metric, stage=stage))
