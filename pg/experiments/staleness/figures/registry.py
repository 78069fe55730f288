"""The kinds of figure that draw `staleness` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, Play, a_positive_size

FIGURES = {
    "staleness": FigureKind(
        "pg.experiments.staleness.figures.staleness",
        ("summary",),
        needs=(a_positive_size,),
        play=Play("pg.experiments.staleness.play.staleness", ("long", "weights", "states")),
    )
}
