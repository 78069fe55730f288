"""Total variance of each gradient estimate over that of the plain estimator on the same policies."""

from __future__ import annotations

import math

import pandas as pd

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.figures.references import of_another_length, scaled_variants
from pg.experiments.probe.record import ProbeExperiment
from pg.parts.variant import Variant
from pg.plotting import layout, marks, style
from pg.plotting.marks import Series
from pg.plotting.text import in_thousands


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
    ranked: list[pd.DataFrame] = []
    for place, axes in zip(places, panels, strict=True):
        measured, summary = request.of("total_variance", place, batch=request.batch)
        ratios = marks.at_level(compared, {"environment": place.environment, "stage": place.stage})
        axes.set_xscale("log")
        itself = reference.rows(summary).assign(estimate=1.0, ci_low=math.nan, ci_high=math.nan)
        ratios, dots = pd.concat([ratios, itself]), _over(measured, reference)
        others = dots.drop(reference.rows(dots).index)
        marks.draw_rows(axes, series, ratios, others[(others["value"] > 0) & (others["value"] < math.inf)], s=5)
        ranked += [_or_zero(one.rows(ratios), one.rows(dots), one.rows(measured)) for one in series]
        axes.axvline(1, **style.RULE)
        for row, one in enumerate(series):
            for variance in one.rows(summary)["estimate"]:
                layout.note_right(axes, row, _in_words(variance, one.rows(measured)["value"]))
        layout.head(axes, axes.get_title(loc="left"), "tr Cov (return²)")
    layout.log_ticks(panels[0].xaxis)
    panels[0].xaxis.set_major_formatter("{x:g}")
    return figure, _caption(request, reference, pd.concat(ranked, ignore_index=True))


def _caption(request: FigureRequest[ProbeExperiment], reference: Series, least: pd.DataFrame) -> str:
    """Say who has the least of some ratios, and which of them mislead or are left out."""
    lengths, comparable = of_another_length(request), least[~least["variant"].isin(scaled_variants(request))]
    found, without = (request.leaders(rows, lowest=True) for rows in (least, comparable))
    # One variant alone is compared with none.
    tells = len({*comparable["variant"]}) > 1 and without != found
    others = f"; without {lengths}: {without}" if tells else ""
    misleads = f", which misleads for {lengths}" if lengths and not tells else ""
    long, _ = request.of("total_variance", batch=request.batch)
    policies = request.shown(long).groupby(["environment", "stage", "seed"], observed=True)["value"].min()
    zeros = int((policies == 0).sum())
    left_out = f" In {zeros} of {len(policies)} policies a variance is 0: no dot, and a range at the right."
    return (
        f"Least variance in {request.with_numbers(least)}: {found}{others}. Of batches of N = {request.batch}, over "
        f"that of {reference.label}{misleads}. Dots: {request.policies}; marks: geometric means, 95 % intervals."
        f"{left_out if zeros else ''}"
    )


def _over(measured: pd.DataFrame, reference: Series) -> pd.DataFrame:
    """Divide each variance by that of the reference on the same policy; NaN if both are 0."""
    of_reference = reference.rows(measured).set_index("seed")["value"]
    return measured.assign(value=measured["value"] / measured["seed"].map(of_reference))


def _or_zero(ratio: pd.DataFrame, over: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Return a ratio, or its limit 0 if the variance is 0 on all policies, or on one where the reference has some."""
    is_zero = over["value"].min() == 0 or measured["value"].max() == 0
    return ratio.assign(estimate=0.0) if is_zero else ratio


def _in_words(mean: float, measured: pd.Series) -> str:
    """Write a variance: the geometric mean, or the range over policies if one is 0, which has no such mean."""
    if not (measured == 0).any():
        return _short(mean)
    return "0" if measured.max() == 0 else f"0–{_short(measured.max())}"


def _short(variance: float) -> str:
    return in_thousands(float(f"{variance:.2g}"))


def _is_plain(variant: Variant) -> bool:
    return (variant.returns.name, variant.baseline.name, variant.normalise_advantages) == ("total", "none", False)
