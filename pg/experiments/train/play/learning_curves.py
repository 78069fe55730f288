"""Learning curves in which readers choose variants, and find a seed under the pointer."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from pg.experiments.figures.request import FigureRequest
from pg.experiments.train.record import TrainExperiment
from pg.plotting import style
from pg.plotting.explorable import (
    IS_HIGHLIGHTED,
    IS_SHOWN,
    NAME,
    Explorable,
    colours_of,
    highlighted,
    log_switch,
    named,
    on_switched_axis,
    rounded,
    switched_axis,
    variant_controls,
)
from pg.plotting.marks import Series, gathered

_POINTS = 24  # of a curve; more would not be seen
_HEIGHT = 260


def explore(request: FigureRequest[TrainExperiment]) -> Explorable:
    """Show a panel per environment: means with bands, and a thin line per seed."""
    series = request.series()
    curves, means = (gathered(series, request.tables[table]) for table in ("curves", "means"))
    panels = []
    for name, environment in request.environments.items():
        own, mean = (rows[rows["environment"] == name].assign(variant=rows["series"]) for rows in (curves, means))
        layers = [*_mean(mean, series), _seeds(own, series, f"hovered_{len(panels)}")]
        threshold = request.experiment.level("threshold", environment)
        if request.figure.threshold_line and threshold is not None:
            rule = alt.Chart(pd.DataFrame({"threshold": [threshold]})).encode(y="threshold:Q")
            layers.append(rule.mark_rule(strokeDash=[4, 3], color=style.FAINT))
        panels.append(alt.layer(*layers).properties(title=request.environment_label(name), height=_HEIGHT))
    return Explorable(
        title="Every seed of the learning curves",
        hint=(
            "Choose what to show, and highlight a variant: thin lines are its seeds, the thick line is their mean with "
            "its 95 % interval. Hold the pointer over a thin line, or tap it, to see which seed it is."
        ),
        controls=(*variant_controls(series), log_switch("Logarithmic axis of steps")),
        panels=panels,
        columns=2,
    )


def _mean(means: pd.DataFrame, series: Sequence[Series]) -> list[alt.Chart]:
    rows = rounded(_thinned(means)[["variant", "steps", "estimate", "ci_low", "ci_high"]])
    base = named(alt.Chart(rows), series).transform_filter(IS_SHOWN)
    base = on_switched_axis(base, at="steps").encode(x=_x(), color=colours_of(series))
    band = base.mark_area().encode(y="ci_low:Q", y2="ci_high:Q", opacity=highlighted(0.2, 0.02))
    tips = [NAME, "steps:Q", alt.Tooltip("estimate:Q", title="mean return")]
    line = base.mark_line(strokeWidth=2.5).encode(y="estimate:Q", opacity=highlighted(), tooltip=tips)
    return [band, line]


def _seeds(curves: pd.DataFrame, series: Sequence[Series], hovered: str) -> alt.Chart:
    """Draw a line per seed: faint, clearer if its variant is highlighted, full under the pointer."""
    pointed = alt.selection_point(name=hovered, on="pointerover", fields=["variant", "seed"], empty=False)
    opacity = alt.when(pointed).then(alt.value(1)).when(IS_HIGHLIGHTED).then(alt.value(0.45))
    rows = rounded(_thinned(curves)[["variant", "seed", "steps", "return"]])
    # A row per curve takes a third of the bytes of a row per point.
    packed = rows.groupby(["variant", "seed"], observed=True, as_index=False).agg(list)
    base = named(alt.Chart(packed), series).transform_filter(IS_SHOWN).transform_flatten(["steps", "return"])
    return (
        on_switched_axis(base, at="steps")
        .mark_line()
        .encode(
            x=_x(),
            y=alt.Y("return:Q", title="return"),
            color=colours_of(series),
            detail="seed:N",
            opacity=opacity.otherwise(alt.value(0.06)),
            strokeWidth=alt.when(pointed).then(alt.value(3)).otherwise(alt.value(1)),
            tooltip=[NAME, "seed:N"],
        )
        .add_params(pointed)
        .properties(name=f"seeds_{hovered}")
    )


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep evenly spaced steps of the grid that a variant's curves share, and its last."""
    parts = [own[own["steps"].isin(_some(own["steps"].unique()))] for _, own in rows.groupby("variant", observed=True)]
    return pd.concat(parts)


def _some(steps: np.ndarray) -> np.ndarray:
    return np.sort(steps)[np.unique(np.linspace(0, len(steps) - 1, _POINTS).round().astype(int))]


def _x() -> alt.X:
    return alt.X("at:Q", title="environment steps", axis=switched_axis(), scale=alt.Scale(zero=False, nice=False))
