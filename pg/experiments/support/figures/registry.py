"""The kinds of figure that draw `support` experiments, by name."""

from pg.experiments.figures.kind import FigureKind

FIGURES = {"support": FigureKind("pg.experiments.support.figures.support", limits={"x": "log"})}
