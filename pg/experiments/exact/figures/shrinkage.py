"""The part of the true gradient that each estimator expects: 1, or 1 − 1/N if a trajectory enters its own baseline."""

from __future__ import annotations

from itertools import product

import numpy as np
from matplotlib.colors import Normalize

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.plotting.heat import HeatTable, heat_tables, where_intervals_are

_BATCH = "variant.batch"


def draw(request: FigureRequest[ExactExperiment]) -> Drawn:
    """Write ⟨E[ĝ], ∇J⟩ / ‖∇J‖²: a row per variant and one for 1 − 1/N, a column per environment, stage and N."""
    series = request.series(shown=(_BATCH,))
    rows = request.rows("summary", metric="shrinkage")
    sizes = sorted(int(size) for size in rows["batch"].unique())
    columns = [(place.environment, place.stage, size) for place, size in product(request.places, sizes)]
    lost, ends = request.cells_of(series, rows, ("environment", "stage", "batch"), columns)
    predicted = 1 - 1 / np.array([[float(size) for *_, size in columns]])
    kept = np.concatenate([1 + lost, predicted])
    ends = np.concatenate([1 + ends, np.full((1, len(columns), 2), np.nan)])
    heads = [(", ".join(filter(None, column)), f"N={size}") for column, size in product(request.columns, sizes)]
    title = "part of ∇J that is kept: ⟨E[ĝ], ∇J⟩ / ‖∇J‖²"
    table = HeatTable(title, heads, kept, ends, Normalize(0, 2), 1, low_is_good=False)
    figure = heat_tables(request.figure.width, [*(one.label for one in series), "1 − 1/N"], [table])
    found = request.between(rows.assign(estimate=1 + rows["estimate"]))
    dashes = "; –: ∇J is 0" if np.isnan(lost).any() else ""
    return figure, (
        f"Of ∇J, the expected estimate keeps {found}; 1 is no bias, and 1 − 1/N is kept if each trajectory is in its "
        f"own baseline. Exact, over all batches; means over {request.policies}{dashes}."
        f"{where_intervals_are(request.figure.width, [table])}"
    )
