"""The kinds of figure that draw `gait` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, Play

FIGURES = {
    "gait": FigureKind("pg.experiments.gait.figures.gait", with_source=True, limits={"x": "linear"}),
    "stick_figures": FigureKind(
        "pg.experiments.gait.figures.stick_figures",
        ("poses",),
        with_source=True,
        play=Play("pg.experiments.gait.play.motion", ("poses", "endings")),
    ),
}
