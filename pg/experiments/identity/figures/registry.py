"""The kinds of figure that draw `identity` experiments, by name."""

from pg.experiments.figures.kind import FigureKind

FIGURES = {"backward_passes": FigureKind("pg.experiments.identity.figures.backward_passes", limits={"x": "log"})}
