"""The variance of gradient estimates policy by policy, on a linear or a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from pg.experiments.figures.request import FigureRequest, places_of
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import style
from pg.plotting.explorable import (
    IS_SHOWN,
    NAME,
    Explorable,
    Panel,
    choice,
    colours_of,
    highlighted,
    log_switch,
    named,
    on_switched_axis,
    rounded,
    slider,
    switched_axis,
    variant_controls,
)
from pg.plotting.marks import Series, gathered

_SHOWN = f"datum.place == place && datum.batch == batch && {IS_SHOWN}"


def explore(request: FigureRequest[ProbeExperiment]) -> Explorable:
    """Show a row per variant: a dot per policy, and the geometric mean with its interval."""
    series = request.series()
    long, summary = (_placed(request, table, series) for table in ("long", "summary"))
    sizes = sorted(int(size) for size in long["batch"].unique())
    return Explorable(
        title="The variance, policy by policy",
        hint=(
            "A dot is a policy, on which all estimators saw the same trajectories. Hold the pointer over one, or tap "
            "it: a line joins the same policy in all rows. Diamonds are geometric means with 95 % intervals."
        ),
        controls=(
            slider("batch", "Trajectories per batch, N", sizes, start=sizes.index(request.batch)),
            choice("place", "Policies", {str(one): request.heading(one) for one in request.places}),
            *variant_controls(series),
            log_switch("Logarithmic axis", on=True),
        ),
        panels=[_panel(long, summary, series)],
    )


def _placed(request: FigureRequest[ProbeExperiment], table: str, series: Sequence[Series]) -> pd.DataFrame:
    """Return the rows of the variance with the names that the controls set, and the rank of their variant."""
    rows = gathered(series, request.rows(table, metric="total_variance"))
    return rows.assign(rank=rows["place"], place=places_of(rows), variant=rows["series"])


def _panel(long: pd.DataFrame, summary: pd.DataFrame, series: Sequence[Series]) -> Panel:
    """Draw the rows of the variants in declared order; a logarithmic axis has no place for a variance of 0."""
    rows = alt.Axis(labels=False, ticks=False, domain=False)
    y = alt.Y("variant:N", sort=[one.key for one in series], title=None, axis=rows)
    x = alt.X("at:Q", title="total variance of the estimate", axis=switched_axis(), scale=alt.Scale(zero=False))
    pointed = alt.selection_point(name="hovered", on="pointerover", fields=["seed"], empty=False)
    measured = rounded(long.loc[long["value"] > 0, ["place", "batch", "variant", "rank", "seed", "value"]])
    base = on_switched_axis(named(alt.Chart(measured), series).transform_filter(_SHOWN), at="value").encode(x=x, y=y)
    joined = base.transform_filter(pointed).mark_line(color=style.INK, strokeWidth=1.5).encode(order="rank:Q")
    dots = base.mark_circle(size=60).encode(
        color=colours_of(series),
        opacity=highlighted(0.7),
        tooltip=[NAME, alt.Tooltip("seed:N", title="policy"), alt.Tooltip("value:Q", title="variance")],
    )
    columns = ["place", "batch", "variant", "estimate", "ci_low", "ci_high"]
    found = named(alt.Chart(rounded(summary.loc[summary["estimate"] > 0, columns])), series).transform_filter(_SHOWN)
    means = on_switched_axis(found, at="estimate", low="ci_low", high="ci_high").encode(y=y, opacity=highlighted())
    bars = means.mark_rule(color=style.INK, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    marks = means.mark_point(shape="diamond", filled=True, color="white", stroke=style.INK, size=110).encode(
        x="at:Q", tooltip=[NAME, alt.Tooltip("estimate:Q", title="geometric mean"), "ci_low:Q", "ci_high:Q"]
    )
    words = means.mark_text(align="left", baseline="bottom", dy=-4, fontSize=11).encode(x=alt.value(2), text="name:N")
    return alt.layer(joined, dots.add_params(pointed).properties(name="dots"), bars, marks, words).properties(
        title="A row per variant", height=34 * len(series)
    )
