"""The kinds of figure that draw `support` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, a_positive_size

FIGURES = {
    "support": FigureKind("pg.experiments.support.figures.support", needs=(a_positive_size,), limits={"x": "log"})
}
