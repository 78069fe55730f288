"""The share of the achievable reduction of variance that each baseline reaches."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting.heat import HeatTable, heat_tables, where_intervals_are


def draw(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> Drawn:
    """Write the shares: a row per baseline, a column per environment and stage."""
    shares = request.rows("comparisons", comparison="achieved share", batch=request.batch)
    shares = shares[shares["variant"].isin(request.drawn)]
    series = [one for one in request.series(shown=("variant.batch",)) if len(one.rows(shares))]
    columns = [(place.environment, place.stage) for place in request.places]
    estimates, intervals = request.cells_of(series, shares, ("environment", "stage"), columns)
    title = f"share of the achievable reduction of tr Cov (N = {request.batch})"
    table = HeatTable(title, request.columns, estimates, intervals, Normalize(-1, 1), 0, low_is_good=False)
    figure = heat_tables(request.figure.width, [one.label for one in series], [table])
    with_partner = {*shares["variant"], *shares["over"]}
    alone = "; ".join(request.variant_label(name) for name in request.drawn if name not in with_partner)
    left_out = f" Not drawn, without such a variant in the experiment: {alone}." if alone else ""
    dashes = "; –: b* may reduce nothing, or a variance is 0" if np.isnan(estimates).any() else ""
    return figure, (
        f"Greatest reduction of variance in {request.with_numbers(shares)}: {request.leaders(shares)}. 1: that of the "
        f"best constant b*. 0: no baseline; below: more variance. Uncoloured: Fieller's 95 % interval over "
        f"{request.policies} holds 0{dashes}.{where_intervals_are(request.figure.width, [table])}{left_out}"
    )
