"""Statistics across environments: interquartile means, and the probability of improvement on the first variant."""

from __future__ import annotations

from matplotlib.figure import Figure

from pg.experiments.figures.request import FigureRequest
from pg.experiments.train.figures.performance_profiles import scores
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style

# Statistic: name of the axis, and the neutral value.
_AGGREGATES = {
    "interquartile mean": ("interquartile mean of the scores", 1.0),
    "improvement": ("probability of improvement", 0.5),
}


def draw(request: FigureRequest[TrainExperiment]) -> Figure:
    """Draw a panel per statistic, a row per variant."""
    series = request.series()
    down, across = (1, 2) if request.is_wide else (2, 1)
    figure = layout.canvas(request.figure.width, 0.2 + down * (0.5 + 0.21 * len(series)))
    for axes, (statistic, (name, neutral)) in zip(
        figure.subplots(down, across, sharey=True), _AGGREGATES.items(), strict=True
    ):
        marks.draw_rows(axes, series, request.rows("across", statistic=statistic))
        axes.axvline(neutral, **style.DASHED_RULE)
        if statistic == "improvement":
            axes.set_xlim(-0.02, 1.02)
            for row, one in enumerate(series):
                if one.variant == _reference(request):
                    layout.note_inside(axes, row, "compared with", 0.5)
        axes.set_xlabel(layout.broken(name, 2.1))
    return figure


def caption(request: FigureRequest[TrainExperiment]) -> str:
    """Say what is drawn, how to read it, and from how many runs."""
    return (
        "Statistics across environments (Agarwal et al. 2021), with 95 % intervals of a bootstrap stratified by "
        "environment: the mean score of the middle half of all runs, and the probability that a run scores higher than "
        f"one of {request.variant_label(_reference(request))}, averaged over environments. Dashed: the threshold, and "
        f"one half, where neither is better. {scores(request)}"
    )


def _reference(request: FigureRequest[TrainExperiment]) -> str:
    """Return the variant that the others are compared with."""
    over = request.rows("across", statistic="improvement")["over"]
    return str(over.iloc[0]) if len(over) else request.drawn[0]
