"""The kinds of figure that draw `window` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, one_logarithmic_level

FIGURES = {"windows": FigureKind("pg.experiments.window.figures.windows", needs=(one_logarithmic_level,))}
