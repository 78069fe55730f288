"""A few trajectories, and the weight and sign that each of their log-likelihoods gets under the chosen estimator."""

from __future__ import annotations

import altair as alt
import pandas as pd

from pg.experiments.figures.request import FigureRequest, places_of
from pg.experiments.probe.figures.trajectories import heading, telling_seed
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import style
from pg.plotting.explorable import Explorable, Layout, Panel, choice, rounded
from pg.plotting.marks import gathered
from pg.plotting.text import raised

_POLICIES = 5  # at most, for the size of the page
_UP, _DOWN = "#0072b2", "#d55e00"
_BATCH = "datum.place == place && datum.seed == seed"
_SHOWN = f"{_BATCH} && datum.variant == estimator"
_COLUMNS = ["place", "seed", "variant", "step", "end", "reward", "weight"]


def explore(request: FigureRequest[ProbeExperiment]) -> Explorable:
    """Show a panel per trajectory of one batch."""
    series = request.series()
    rows = gathered(series, request.tables["trajectories"])
    rows = rows[rows["seed"].isin(sorted(rows["seed"].unique())[:_POLICIES])]
    rows = rows.assign(place=places_of(rows), seed=rows["seed"].astype(str), variant=rows["series"])
    numbers = sorted(int(one) for one in rows["trajectory"].unique())
    seeds = {str(seed): f"policy {seed}" for seed in sorted(rows["seed"].unique(), key=int)}
    first = str(telling_seed(rows[rows["place"] == str(request.places[0])]))
    return Explorable(
        title="What the gradient does with each trajectory",
        hint=(
            "Choose an estimator. A bar is the weight of the log-likelihood of the action at that step: blue bars make "
            "it more likely, orange ones less likely. Compare trajectories with a high and with a low return R."
        ),
        controls=(
            choice("estimator", "Estimator", {one.key: one.label for one in series}),
            choice("place", "Policies", {str(one): request.heading(one) for one in request.places}),
            choice("seed", "Which of them", seeds, start=[*seeds].index(first)),
        ),
        panels=[_panel(rows, one) for one in numbers],
        columns=len(numbers),
        layout=Layout(least=160, margin=55),
    )


def _panel(rows: pd.DataFrame, trajectory: int) -> Panel:
    own = rows[rows["trajectory"] == trajectory]
    bars = alt.Chart(rounded(own[_COLUMNS])).transform_filter(_SHOWN).mark_rect(stroke="white")
    zero, y = alt.datum(0), alt.Y("weight:Q", title=None)
    up = alt.condition("datum.weight > 0", alt.value(_UP), alt.value(_DOWN))
    whole = alt.Axis(labelExpr="datum.value % 1 ? '' : format(datum.value, 'd')")
    x = alt.X("step:Q", title="step", scale=alt.Scale(zero=False, nice=False), axis=whole)
    names = [
        {"place": place, "seed": seed, "name": heading(f"τ{raised(trajectory)}", batch, trajectory)}
        for (place, seed), batch in own.groupby(["place", "seed"], observed=True)
    ]
    name = alt.Chart(pd.DataFrame(names)).transform_filter(_BATCH).mark_text(align="left", baseline="bottom")
    return alt.layer(
        bars.encode(x=x, x2="end:Q", y=y, y2=zero, color=up, tooltip=["step:Q", "reward:Q", "weight:Q"]),
        _reach(rows).encode(y=y),
        alt.Chart(pd.DataFrame({"weight": [0]})).mark_rule(color=style.INK).encode(y=y),
        name.encode(x=alt.value(0), y=alt.value(-4), text="name:N"),
    ).properties(height=150)


def _reach(rows: pd.DataFrame) -> alt.Chart:
    """Draw nothing at the largest weight and its negative, so that all trajectories of a batch have the same axis."""
    largest = rows.groupby(["place", "seed", "variant"], observed=True)["weight"].agg(lambda one: one.abs().max())
    ends = pd.concat([largest, -largest]).reset_index()
    return alt.Chart(rounded(ends)).transform_filter(_SHOWN).mark_point(opacity=0)
