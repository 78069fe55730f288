"""The kinds of figure that draw `staleness` experiments, by name."""

from pg.experiments.figures.kind import FigureKind

FIGURES = {"staleness": FigureKind("pg.experiments.staleness.figures.staleness")}
