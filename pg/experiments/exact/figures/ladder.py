"""Exact variance and bias of the lecture's estimators, one after the other."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting import marks
from pg.plotting.heat import HeatTable, heat_tables, where_intervals_are
from pg.plotting.text import listed

_BATCH = "variant.batch"


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Write tr Cov over that of the first variant, and the relative bias: a column per environment and stage."""
    series, batch = request.series(shown=(_BATCH,)), request.batch
    columns = [(place.environment, place.stage) for place in request.places]
    ratios = request.rows("comparisons", comparison="ratio", over=series[0].variant, batch=batch)
    biases = request.rows("summary", metric="relative_bias", batch=batch)
    (variance, spread), (bias, error) = (
        request.cells_of(series, rows, ("environment", "stage"), columns) for rows in (ratios, biases)
    )
    variance[0] = 1
    bias = np.where(bias < marks.ROUNDING, 0, bias)
    tables = [
        HeatTable(f"tr Cov / tr Cov of {series[0].label}", request.columns, variance, spread, LogNorm(0.1, 10), 1),
        HeatTable("bias / ‖∇J‖", request.columns, bias, error, Normalize(-1, 1), 0),
    ]
    figure = heat_tables(request.figure.width, [one.label for one in series], tables)
    sizes = request.experiment.sweep.get(_BATCH, ())
    smallest = f", the smallest of {listed([str(size) for size in sizes])}" if sizes[1:] else ""
    # The ratios lack the first variant's own.
    variances = request.rows("summary", metric="total_variance", batch=batch)
    return figure, (
        f"Least variance: {request.leaders(variances, lowest=True)}; most: {request.leaders(variances)}. Exact, from "
        f"all batches of N = {batch}{smallest}; means (variances: geometric) over {request.policies}. Blue: less, "
        "orange: more; uncoloured: the 95 % interval holds no difference."
        f"{where_intervals_are(request.figure.width, tables)}"
    )
