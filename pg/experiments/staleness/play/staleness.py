"""One policy that moves away from the data by gradient steps: its states, the weights, and the estimates' quality."""

from __future__ import annotations

import altair as alt
import pandas as pd

from pg.experiments.figures.request import FigureRequest, places_of
from pg.experiments.staleness.record import StalenessExperiment
from pg.plotting import style
from pg.plotting.explorable import (
    IS_SHOWN,
    Explorable,
    Panel,
    choice,
    colours_of,
    highlighted,
    rounded,
    slider,
    variant_controls,
)
from pg.plotting.marks import Series, gathered

Request = FigureRequest[StalenessExperiment]

_METRICS = {"effective_share": "effective share of N", "cosine": "cosine to the true gradient"}
_SHOWN = "datum.place == place && datum.seed == seed"
_HEIGHT = 130
_DATA, _VISITED = "#8a8a8a", "#d55e00"
_LIMITS = (0.003, 0.01, 0.02, 0.05, 0.1, 0.3)
_PLACES_OF_WEIGHTS = [-4, -2, 0, 2, 4]


def explore(request: Request) -> Explorable:
    """Show panels of states, weights, divergence and quality; all are of one policy."""
    series = request.series()
    colour = colours_of(series)
    long = _placed(request, "long", series)
    seeds = {str(seed): f"policy {seed}" for seed in sorted(long["seed"].unique())}
    return Explorable(
        title="Moving away from the data",
        hint=(
            "Move the slider: the policy takes gradient steps on one batch. Watch the states that it visits (orange) "
            "leave those in the data (grey), the weights spread, and the effective share of the trajectories fall. "
            "The dashed line is a limit δ: an update that keeps to it would stop there."
        ),
        controls=(
            slider("steps", "Gradient steps on one batch", request.experiment.walk.steps, plays=True),
            choice("place", "Policies", {str(one): request.heading(one) for one in request.places}),
            choice("seed", "Which of them", seeds),
            slider("limit", "Limit δ of the KL divergence", _LIMITS, start=_LIMITS.index(0.02)),
            *variant_controls(series),
        ),
        panels=[
            *_states(_placed(request, "states", series)),
            _weights(_placed(request, "weights", series), colour),
            _divergence(long),
            *(_quality(long, metric, title, colour) for metric, title in _METRICS.items()),
        ],
        columns=2,
    )


def _placed(request: Request, table: str, series: tuple[Series, ...]) -> pd.DataFrame:
    """Return the rows of a table with the names that the controls set: place, seed and variant."""
    rows = gathered(series, request.tables[table])
    return rows.assign(place=places_of(rows), seed=rows["seed"].astype(str), variant=rows["series"])


def _states(rows: pd.DataFrame) -> list[Panel]:
    """Draw a panel per observed quantity: bars for the data, outlines for the states visited now."""
    return [_histogram(name, rows[rows["component"] == name]) for name in rows["component"].unique()]


def _histogram(name: str, rows: pd.DataFrame) -> Panel:
    kept = rounded(rows[["place", "seed", "steps", "low", "high", "data", "visited"]])
    base = alt.Chart(kept).transform_filter(f"{_SHOWN} && datum.steps == steps")
    # States of tables are numbers that have nothing between them.
    is_numbered = name == "state"
    ticks = alt.Axis(tickMinStep=1, format="d") if is_numbered else alt.Axis()
    x = alt.X("low:Q", title=name, axis=ticks, scale=alt.Scale(zero=False))
    zero = alt.datum(0)
    bars = [
        base.mark_rect(**marks).encode(x=x, x2="high:Q", y=alt.Y(f"{which}:Q", title="share"), y2=zero, tooltip=_TIPS)
        for which, marks in (
            ("data", {"color": _DATA, "opacity": 0.6}),
            ("visited", {"fillOpacity": 0, "stroke": _VISITED, "strokeWidth": 2}),
        )
    ]
    return alt.layer(*bars).properties(title="States" if is_numbered else f"States: {name}", height=_HEIGHT)


_TIPS = [alt.Tooltip("data:Q", title="in the data"), alt.Tooltip("visited:Q", title="visited now")]


def _weights(rows: pd.DataFrame, colour: alt.Color) -> Panel:
    """Draw the share of weights in each bin; variants whose weights are all alike have no correction to show."""
    spread = rows.groupby("variant", observed=True)["log_weight"].transform("nunique") > 1
    own = rows[spread]
    total = own.groupby(["place", "seed", "steps", "variant"], observed=True)["count"].transform("sum")
    shares = own.assign(share=own["count"] / total)[["place", "seed", "steps", "variant", "log_weight", "share"]]
    ticks = alt.Axis(values=_PLACES_OF_WEIGHTS, labelExpr="format(pow(10, datum.value), '~g')")
    x = alt.X("log_weight:Q", title="importance weight", axis=ticks, scale=alt.Scale(domain=[-4, 4]))
    return (
        alt.Chart(rounded(shares))
        .transform_filter(f"{_SHOWN} && datum.steps == steps && {IS_SHOWN}")
        .mark_line(interpolate="step-after", point={"size": 18}, strokeWidth=1.5)
        .encode(x=x, y=alt.Y("share:Q", title="share of weights"), color=colour, opacity=highlighted())
        .properties(title="Importance weights", height=_HEIGHT)
    )


def _divergence(long: pd.DataFrame) -> Panel:
    """Draw the divergence against the steps, with the limit δ and the last of the measured steps within it."""
    rows = long[long["metric"] == "kl"].drop_duplicates(["place", "seed", "steps"])
    base = alt.Chart(rounded(rows[["place", "seed", "steps", "value"]])).transform_filter(_SHOWN)
    x = alt.X("steps:Q", title="gradient steps", scale=alt.Scale(type="symlog"), axis=_steps(long))
    y = alt.Y(
        "value:Q", title="KL divergence", scale=alt.Scale(type="symlog", constant=0.01), axis=alt.Axis(tickCount=4)
    )
    now = base.transform_filter("datum.steps == steps")
    rule = alt.Chart(pd.DataFrame({"any": [0]})).transform_calculate(value="limit")
    within = (
        base.transform_filter("datum.value <= limit")
        .transform_aggregate(last="max(steps)")
        .transform_calculate(words="'within δ up to step ' + datum.last")
    )
    return alt.layer(
        base.mark_line(color=style.INK, point={"color": style.INK}).encode(x=x, y=y),
        now.mark_point(color=_VISITED, filled=True, size=120).encode(x=x, y=y, tooltip=["steps:Q", "value:Q"]),
        rule.mark_rule(strokeDash=[4, 3], color=style.INK).encode(y=y),
        within.mark_text(align="left", baseline="top").encode(x=alt.value(6), y=alt.value(2), text="words:N"),
    ).properties(title="How far the policy has moved", height=_HEIGHT)


def _quality(long: pd.DataFrame, metric: str, title: str, colour: alt.Color) -> Panel:
    """Draw a metric of each variant against the steps, with marks at the step of the slider."""
    rows = long.loc[long["metric"] == metric, ["place", "seed", "steps", "variant", "value"]]
    base = alt.Chart(rounded(rows)).transform_filter(f"{_SHOWN} && {IS_SHOWN}")
    x = alt.X("steps:Q", title="gradient steps", scale=alt.Scale(type="symlog"), axis=_steps(long))
    encoded = base.encode(x=x, y=alt.Y("value:Q", title=title), color=colour, opacity=highlighted())
    now = encoded.transform_filter("datum.steps == steps").encode(tooltip=["variant:N", "steps:Q", "value:Q"])
    return alt.layer(encoded.mark_line(strokeWidth=1.5), now.mark_point(filled=True, size=90)).properties(
        title=title[0].upper() + title[1:], height=_HEIGHT
    )


def _steps(long: pd.DataFrame) -> alt.Axis:
    return alt.Axis(values=sorted(int(step) for step in long["steps"].unique()))
