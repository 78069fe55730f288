"""Quality of gradient estimates against the number of past policies whose batches they use, or another option."""

from __future__ import annotations

from dataclasses import replace

from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.window.record import WindowExperiment
from pg.plotting import layout, marks, style
from pg.plotting.text import counted, option_in_words

_LABELS = {
    "total_variance": "tr Cov (return²)",
    "cosine": "cosine to ∇J(θ')",
    "relative_bias": "bias / ‖∇J(θ')‖",
    "effective_share": "effective share of the sample",
    "largest_weight": "largest weight",
    "kl_from_oldest": "KL from the oldest policy",
}
_ON_A_LOGARITHM = ("total_variance", "largest_weight")


def draw(request: FigureRequest[WindowExperiment]) -> Drawn:
    """Draw six metrics against the levels of the swept option: a block of panels per environment and stage."""
    ((path, values),) = request.experiment.swept.items()
    series, levels = request.series(shown=(path,)), sorted(map(float, values))
    counts = [(request.heading(place), len(_LABELS)) for place in request.places]
    across, option = 3 if request.is_wide else 2, option_in_words(path)
    figure, blocks = layout.blocks(request.figure.width, counts, across, 1.45, sharex=True, x=option)
    # The divergence depends on the policies alone, and is the same for all variants.
    of_all = [replace(series[0], look=replace(series[0].look, colour=style.INK, marker="o", dashes=()))]
    for place, panels in zip(request.places, blocks, strict=True):
        layout.name_panels(panels, request.heading(place), [*_LABELS.values()])
        for axes, metric in zip(panels, _LABELS, strict=True):
            rows = request.rows("summary", place, metric=metric).dropna(subset=["estimate"])
            axes.set(xscale="log", yscale="log" if metric in _ON_A_LOGARITHM else "linear")
            marks.draw_curves(axes, of_all if metric == "kl_from_oldest" else series, rows, path, dodge=True)
            layout.ticks_at(axes, levels)
            if metric not in _ON_A_LOGARITHM:
                layout.include(axes, y=(0,))
                axes.axhline(0, **style.RULE)
    for metric, panels in zip(_LABELS, zip(*blocks, strict=True), strict=True):
        layout.share_limits(panels, "y")
        if metric in _ON_A_LOGARITHM:
            layout.log_ticks(*(axes.yaxis for axes in panels))
    layout.legend_below(figure, marks.legend_entries(series))
    learner, updates = request.experiment.path.variant, counted(request.experiment.path.iterations, "update")
    return figure, (
        f"Nearest to ∇J(θ'): {request.leaders(request.rows('summary', metric='cosine'))}. θ' is the newest policy of a "
        f"learner (“{request.variant_label(learner)}”), after {updates}; estimates use {request.batch} trajectories of "
        "each of its latest policies, as many as x says. Means (tr Cov: geometric), 95 % intervals over "
        f"{request.policies}; sampled biases contain noise."
    )
