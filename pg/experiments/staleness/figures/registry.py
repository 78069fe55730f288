"""The kinds of figure that draw `staleness` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, Play

FIGURES = {
    "staleness": FigureKind(
        "pg.experiments.staleness.figures.staleness",
        ("summary",),
        play=Play("pg.experiments.staleness.play.staleness", ("long", "weights", "states")),
    )
}
