"""Total variance of each gradient estimate over that of the plain estimator on the same policies."""

from __future__ import annotations

import math

import pandas as pd

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.parts.variant import Variant
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import in_thousands, listed


def draw(request: FigureRequest[ProbeExperiment]) -> Drawn:
    """Draw ratios on a logarithmic axis, tr Cov at the right: a panel per environment and stage, a dot per policy."""
    series = request.series()
    # The lecture's first estimator if it is drawn, else the first variant.
    plain = [one for one in series if _is_plain(request.variants[one.variant])]
    reference = (*plain, *series)[0]
    count = len(request.environments) if len(request.environments) > 1 else len(request.stages)
    across = count if request.is_wide and count <= layout.panels_in_a_row(3) else 1
    places, height = request.in_rows(across), 0.5 + 0.15 * len(series)
    x = f"tr Cov / tr Cov of {reference.label}"
    titles = [f"{request.environment_label(place.environment)}, {place.stage}" for place in places]
    figure, panels = layout.panels(
        request.figure.width, titles, across, height, margin=0.3, sharex=True, sharey=True, x=x
    )
    compared = request.rows("comparisons", comparison="ratio", over=reference.variant, batch=request.batch)
    for place, axes in zip(places, panels, strict=True):
        measured, summary = request.of("total_variance", place, batch=request.batch)
        summary = _with_zeros(summary, measured)
        ratios = marks.at_level(compared, {"environment": place.environment, "stage": place.stage})
        axes.set_xscale("log")
        itself = reference.rows(summary).assign(estimate=1.0, ci_low=math.nan, ci_high=math.nan)
        marks.draw_rows(axes, series, pd.concat([ratios, itself]), _over(measured, reference), s=5)
        axes.axvline(1, **style.RULE)
        for row, one in enumerate(series):
            for variance in one.rows(summary)["estimate"]:
                layout.note_right(axes, row, in_thousands(float(f"{variance:.2g}")))
        layout.head(axes, axes.get_title(loc="left"), "tr Cov (return²)")
    layout.log_ticks(panels[0].xaxis)
    panels[0].xaxis.set_major_formatter("{x:g}")
    where = listed([request.environment_label(name) for name in request.environments])
    long, least = request.of("total_variance", batch=request.batch)
    least = _with_zeros(least, long)
    shrunk = [name for name in request.drawn if request.variants[name].baseline.expects == "shrunk"]
    without = request.leaders(least[~least["variant"].isin(shrunk)], lowest=True)
    others = f"; without averages of the own batch: {without}" if shrunk else ""
    policies = request.shown(long).groupby(["environment", "stage", "seed"], observed=True)["value"].min()
    zeros = int((policies == 0).sum())
    return figure, (
        f"Least variance in {where}: {request.leaders(least, lowest=True)}{others}. Of batches of N = "
        f"{request.batch}, over that of {reference.label}. Dots: {request.policies}; marks: geometric means, 95 % "
        "intervals."
        + (f" The variance is 0 in {zeros} of {len(policies)} policies, so that a ratio is undefined." if zeros else "")
        + (" Averages of the own batch shrink estimates by 1/N." if others else "")
    )


def _over(measured: pd.DataFrame, reference: Series) -> pd.DataFrame:
    """Divide each variance by that of the reference on the same policy; leave out the reference, and what is 0."""
    of_reference = reference.rows(measured)
    by_seed = of_reference.set_index("seed")["value"]
    ratios = measured.drop(of_reference.index).assign(value=lambda rows: rows["value"] / rows["seed"].map(by_seed))
    return ratios[(ratios["value"] > 0) & (ratios["value"] < float("inf"))]


def _with_zeros(summary: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the summary with 0 as the geometric mean of variances of which one is 0, where it is undefined."""
    keys = ["environment", "stage", "variant"]
    least = measured.groupby(keys, observed=True)["value"].agg(lambda own: own.min(skipna=False))
    is_zero = summary["estimate"].isna() & (least.reindex(pd.MultiIndex.from_frame(summary[keys])) == 0).to_numpy()
    return summary.assign(estimate=summary["estimate"].mask(is_zero, 0.0))


def _is_plain(variant: Variant) -> bool:
    return (variant.returns.name, variant.baseline.name, variant.normalise_advantages) == ("total", "none", False)
