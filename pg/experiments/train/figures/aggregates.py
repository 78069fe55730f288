"""Statistics across environments: interquartile means, and the probability of improvement on the first variant."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.train.figures.performance_profiles import scores
from pg.experiments.train.record import TrainExperiment
from pg.plotting import layout, marks, style

# Statistic: name of the axis, and the neutral value.
_AGGREGATES = {
    "interquartile mean": ("interquartile mean of the scores", 1.0),
    "improvement": ("probability of improvement", 0.5),
}


def draw(request: FigureRequest[TrainExperiment]) -> Drawn:
    """Draw a panel per statistic, a row per variant."""
    series, over = request.series(), request.rows("across", statistic="improvement")["over"]
    reference = str(over.iloc[0]) if len(over) else request.drawn[0]
    across, height = 2 if request.is_wide else 1, 0.5 + 0.21 * len(series)
    figure, panels = layout.panels(request.figure.width, ["", ""], across, height, margin=0.2, sharey=True)
    for axes, (statistic, (name, neutral)) in zip(panels, _AGGREGATES.items(), strict=True):
        marks.draw_rows(axes, series, request.rows("across", statistic=statistic))
        axes.axvline(neutral, **style.DASHED_RULE)
        if statistic == "improvement":
            axes.set_xlim(-0.02, 1.02)
            for row, one in enumerate(series):
                if one.variant == reference:
                    layout.note_inside(axes, row, "compared with", 0.5)
        axes.set_xlabel(layout.broken(name, 2.1))
    means = marks.extremes(series, request.rows("across", statistic="interquartile mean"))
    return figure, (
        f"Interquartile mean {means}. Left: mean score of the middle half of runs. Right: probability that a run "
        f"beats one of {request.variant_label(reference)}. 95 % intervals of a stratified bootstrap. "
        f"{scores(request)}"
    )
