"""The kinds of figure that draw `probe` experiments, by name."""

from pg.experiments.figures.kind import FigureKind, Play, a_partner, one_batch_size, one_swept_number, swept_rewards

FIGURES = {
    "variance": FigureKind(
        "pg.experiments.probe.figures.variance",
        ("long", "summary", "comparisons"),
        limits={"x": "log"},
        play=Play("pg.experiments.probe.play.variance", ("long", "summary")),
    ),
    "batch_size": FigureKind(
        "pg.experiments.probe.figures.batch_size",
        ("long", "summary"),
        limits={"x": "log"},
        play=Play("pg.experiments.probe.play.batch_size", ("clouds", "summary")),
    ),
    "trajectories": FigureKind(
        "pg.experiments.probe.figures.trajectories",
        ("trajectories",),
        limits={"x": "linear", "y": "linear"},
        play=Play("pg.experiments.probe.play.trajectories", ("trajectories",)),
    ),
    "bias_and_variance": FigureKind("pg.experiments.probe.figures.bias_and_variance", needs=(one_swept_number,)),
    "achieved_share": FigureKind(
        "pg.experiments.probe.figures.achieved_share",
        ("long", "comparisons"),
        needs=(a_partner, one_batch_size),
    ),
    "against_rewards": FigureKind(
        "pg.experiments.probe.figures.against_rewards",
        ("long", "summary", "parabolas"),
        needs=(swept_rewards, one_batch_size),
        limits={"y": "log"},
    ),
    "empty_gradients": FigureKind(
        "pg.experiments.probe.figures.empty_gradients", ("summary",), limits={"x": "log", "y": "linear"}
    ),
}
