"""Importance weights against the length of trajectories, at a policy change of fixed size."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.horizon.record import HorizonExperiment
from pg.plotting import layout, marks
from pg.plotting.text import number

_QUANTILES = tuple(f"log_weight_q{at}" for at in ("05", "25", "50", "75", "95"))
_LABELS = {
    "effective_share": "effective share of N",
    "log_weight_variance": "variance of log w",
    "largest_weight": "largest w",
    "total_variance": "tr Cov (return²)",
}


def draw(request: FigureRequest[HorizonExperiment]) -> Drawn:
    """Draw the quantiles of log w against T, a panel per variant, and four metrics with a line per variant."""
    series, experiment = request.series(), request.experiment
    counts = [(request.heading(place), len(series) + len(_LABELS)) for place in request.places]
    across = 3 if request.is_wide else 2
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.45, sharex=True, x="horizon T")
    for place, panels in zip(request.places, blocks, strict=True):
        for axes in panels:
            axes.set_xscale("log")
            layout.ticks_at(axes, experiment.horizons)
            axes.grid(visible=True)
        for axes, one in zip(panels, series, strict=False):
            lowest, low, middle, high, highest = (
                one.rows(request.rows("summary", place, metric=metric)) for metric in _QUANTILES
            )
            at, colour = middle["horizon"], one.look.colour
            for below, above, alpha in ((lowest, highest, 0.18), (low, high, 0.32)):
                axes.fill_between(at, below["estimate"], above["estimate"], color=colour, alpha=alpha, linewidth=0)
            axes.plot(at, middle["estimate"], marker=one.look.marker, markersize=3, linewidth=1, **one.look.line)
            axes.set_ylabel("log w")
        # These panels have one range, so that their heights can be compared.
        ends = [end for axes in panels[: len(series)] for end in axes.get_ylim()]
        for axes in panels[: len(series)]:
            layout.include(axes, y=ends)
        for axes, (metric, label) in zip(panels[len(series) :], _LABELS.items(), strict=True):
            rows = request.rows("summary", place, metric=metric)
            # Values of 0, as the variance of weights that are all 1, have no place on a logarithmic axis.
            rows = marks.gathered(series, rows[rows["estimate"] > 0])
            axes.set_yscale("log")
            if not rows.empty:
                marks.draw_curves(axes, series, rows, "horizon", dodge=True)
                # An interval that ends near 0 must not stretch the logarithmic axis.
                axes.set_ylim(bottom=max(axes.get_ylim()[0], rows["estimate"].min() / 3))
            layout.log_ticks(axes.yaxis)
            axes.set_ylabel(label)
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    return figure, (
        f"Importance weights of {experiment.trajectories} trajectories of θ, cut off at T, for a policy θ' in a random "
        f"direction from θ at mean divergence E[KL(π_θ'‖π_θ)] = {number(experiment.kl)} at the longest horizon, the "
        "same for every T. Panels of log w show one variant each: its median, and bands from the 25 % to the 75 % and "
        "from the 5 % to the 95 % quantile, each quantile the mean over policies. w is the product over a trajectory "
        "if the variant weights by products, else a single ratio. Lines are means (of tr Cov geometric means) with "
        f"95 % intervals over {request.policies}. Values of 0 are not drawn."
    )
