"""The kinds of figure that draw `update` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, a_limit

FIGURES = {
    "likelihoods": FigureKind("pg.experiments.update.figures.likelihoods"),
    "realised_kl": FigureKind("pg.experiments.update.figures.realised_kl", needs=(a_limit,)),
}
