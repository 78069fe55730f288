"""The kinds of figure that draw `train` experiments, by name."""

from pg.experiments.figures.kind import (
    FigureKind,
    Play,
    a_pair,
    a_swept_option,
    a_tuned_rate,
    one_metric_per_axis,
    thresholds,
)

FIGURES = {
    "learning_curves": FigureKind(
        "pg.experiments.train.figures.learning_curves",
        ("curves", "means", "summary"),
        with_compared=True,
        with_levels=True,
        with_threshold=True,
        limits={"x": "linear", "y": "linear"},
        play=Play("pg.experiments.train.play.learning_curves", ("curves", "means")),
    ),
    "against_level": FigureKind(
        "pg.experiments.train.figures.against_level",
        needs=(a_swept_option, one_metric_per_axis),
        with_metrics=True,
        limits={"x": "linear"},
    ),
    "steps_to_threshold": FigureKind(
        "pg.experiments.train.figures.steps_to_threshold",
        needs=(thresholds,),
        with_compared=True,
        limits={"x": "linear"},
    ),
    "performance_profiles": FigureKind(
        "pg.experiments.train.figures.performance_profiles",
        ("across",),
        with_threshold=True,
        limits={"x": "linear", "y": "linear"},
    ),
    "aggregates": FigureKind("pg.experiments.train.figures.aggregates", ("across",), needs=(a_pair,)),
    "tuning": FigureKind(
        "pg.experiments.train.figures.tuning",
        ("tuned",),
        options=("tuning",),
        needs=(a_tuned_rate,),
        with_pooled=True,
    ),
}
