"""The kinds of figure that draw `horizon` experiments, by name."""

from pg.experiments.figures.kind import FigureKind

FIGURES = {
    "horizons": FigureKind(
        "pg.experiments.horizon.figures.horizons", ("summary",), with_pooled=True, limits={"x": "log"}
    )
}
