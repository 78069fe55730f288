"""The cloud of gradient estimates around the true gradient, for each batch size N."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from pg.experiments.figures.request import FigureRequest, places_of
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import style
from pg.plotting.explorable import Explorable, Panel, choice, rounded, slider
from pg.plotting.marks import Series, gathered

_METRICS = ("shrinkage", "cosine")
_PLUS = "M-1,0H1M0,-1V1"
_SHOWN = "datum.place == place && datum.batch == batch"
_KEYS = ["place", "series", "batch"]


def explore(request: FigureRequest[ProbeExperiment]) -> Explorable:
    """Show a panel per variant: a dot per estimate, their mean, and the truth, at one batch size and stage."""
    series = request.series()
    points = _placed(request, "clouds", series).dropna(subset=["along", "across"])
    found = _placed(request, "summary", series)
    found = found[found["metric"].isin(_METRICS)].pivot_table("estimate", _KEYS, "metric", observed=True)
    found = found.reset_index()
    farthest = points[["along", "across"]].abs().max(axis=1).groupby(points["place"]).max()
    reach = {str(place): float(f"{value:.2g}") for place, value in farthest.items()}
    sizes = sorted(points["batch"].unique())
    return Explorable(
        title="Gradient estimates around the true gradient",
        hint=(
            "Move the slider: a dot is the estimate of one batch of N trajectories. With more trajectories the dots "
            "close in on the plus sign, the true gradient. The diamond is the mean of the dots, and bars are one "
            "standard deviation. The mean that a panel writes is that of all batches, many more than are shown: where "
            "it is not 1, the estimator is biased."
        ),
        controls=(
            slider("batch", "Trajectories per batch, N", [int(size) for size in sizes]),
            choice("place", "Policies", {str(one): request.heading(one) for one in request.places}),
        ),
        panels=[_panel(one, points, found, reach) for one in series],
        columns=2,
    )


def _placed(request: FigureRequest[ProbeExperiment], table: str, series: Sequence[Series]) -> pd.DataFrame:
    rows = gathered(series, request.tables[table])
    return rows.assign(place=places_of(rows))


def _panel(series: Series, points: pd.DataFrame, found: pd.DataFrame, reach: Mapping[str, float]) -> Panel:
    """Draw one variant; all panels have the same limits, which are those of the place at the smallest N."""
    limit = f"({json.dumps(reach)})[place]"
    scale = alt.Scale(domainMin=alt.ExprRef(f"-{limit}"), domainMax=alt.ExprRef(limit), nice=True, zero=False)
    x = alt.X("along:Q", scale=scale, title="along the true gradient (1 is the truth)")
    y = alt.Y("across:Q", scale=scale, title="across it")
    own = points.loc[points["series"] == series.key, ["place", "batch", "seed", "along", "across"]]
    base = alt.Chart(rounded(own)).transform_filter(_SHOWN)
    tips = [alt.Tooltip("seed:Q", title="policy"), "along:Q", "across:Q"]
    dots = base.mark_circle(color=series.look.colour, opacity=0.55, size=36, clip=True).encode(x, y, tooltip=tips)
    truth = alt.Chart(pd.DataFrame({"along": [1], "across": [0]})).encode(x, y)
    sign = truth.mark_point(shape=_PLUS, stroke=style.INK, strokeWidth=2, size=220, tooltip="the true gradient")
    words = _words(found[found["series"] == series.key].drop(columns="series"))
    return alt.layer(dots, *_moments(base, scale), sign, words).properties(title=series.label)


def _moments(base: alt.Chart, scale: alt.Scale) -> list[alt.Chart]:
    """Draw the mean of the dots, and one standard deviation to each side of it in both directions."""
    found = base.transform_aggregate(
        x="mean(along)", y="mean(across)", sx="stdev(along)", sy="stdev(across)"
    ).transform_calculate(
        left="datum.x - datum.sx", right="datum.x + datum.sx", low="datum.y - datum.sy", high="datum.y + datum.sy"
    )
    bar = found.mark_rule(color=style.INK, strokeWidth=1.5, clip=True)
    mean = found.mark_point(shape="diamond", filled=True, color="white", stroke=style.INK, size=60, clip=True)
    x, y = (alt.X("x:Q", scale=scale), alt.Y("y:Q", scale=scale))
    return [
        bar.encode(x=alt.X("left:Q", scale=scale), x2="right:Q", y=y),
        bar.encode(y=alt.Y("low:Q", scale=scale), y2="high:Q", x=x),
        mean.encode(x, y, tooltip=[alt.Tooltip("x:Q", title="mean along", format=".3g")]),
    ]


def _words(found: pd.DataFrame) -> alt.Chart:
    """Write the mean along the truth and the cosine, over all estimates and policies, as the summary has them."""
    sentence = "'mean along ∇J: ' + format(1 + datum.shrinkage, '.2f') + ', cosine: ' + format(datum.cosine, '.2f')"
    chart = alt.Chart(rounded(found)).transform_filter(_SHOWN).transform_calculate(words=sentence)
    return chart.mark_text(align="left", baseline="top").encode(x=alt.value(4), y=alt.value(2), text="words:N")
