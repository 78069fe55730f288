"""Quality of gradient estimates against the number of past policies whose batches they use, or another option."""

from __future__ import annotations

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.window.record import WindowExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, option_in_words

_LABELS = {
    "total_variance": "tr Cov",
    "cosine": "cosine to ∇J(θ')",
    "relative_bias": "bias / ‖∇J(θ')‖",
    "effective_share": "effective share",
    "largest_weight": "largest weight",
    "kl_from_oldest": "KL from the oldest",
}
_ON_A_LOGARITHM = ("total_variance", "largest_weight")


def draw(request: FigureRequest[WindowExperiment]) -> Drawn:
    """Draw six metrics against the levels of the swept option: a block of panels per environment and stage."""
    ((path, values),) = request.experiment.swept.items()
    series, levels = request.series(shown=(path,)), sorted(map(float, values))
    counts = [(request.heading(place), len(_LABELS)) for place in request.places]
    across = 3 if request.is_wide else 2
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.45, sharex=True, x=option_in_words(path))
    for place, panels in zip(request.places, blocks, strict=True):
        for axes, (metric, label) in zip(panels, _LABELS.items(), strict=True):
            rows = request.rows("summary", place, metric=metric).dropna(subset=["estimate"])
            if metric == "kl_from_oldest":
                # The divergence depends on the policies alone, and is the same for all variants.
                rows = rows[rows["variant"] == request.drawn[0]]
            axes.set_xscale("log")
            if metric in _ON_A_LOGARITHM:
                axes.set_yscale("log")
            if not rows.empty:
                marks.draw_curves(axes, series, marks.gathered(series, rows), path, dodge=True)
            if metric in _ON_A_LOGARITHM:
                layout.log_ticks(axes.yaxis)
            else:
                axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
                axes.axhline(0, **style.RULE)
            axes.set_ylabel(label)
            axes.grid(visible=True)
            layout.ticks_at(axes, levels)
    figure.align_ylabels()
    layout.legend_below(figure, marks.legend_entries(series))
    learner, option = request.variant_label(request.experiment.path.variant), option_in_words(path)
    updates = counted(request.experiment.path.iterations, "update")
    return figure, (
        f"Estimates of ∇J(θ') against {option}, each of {request.batch} trajectories by one of the latest policies of "
        f"“{learner}”; θ' is the newest, {updates} after a measured policy. Marks are means, of tr Cov geometric ones, "
        f"with 95 % intervals over {request.policies}. The bias includes sampling noise where trajectories are not "
        "enumerated."
    )
