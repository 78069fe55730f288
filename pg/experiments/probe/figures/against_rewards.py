"""Total variance against the offset or the scale of rewards, with the parabola that theory predicts."""

from __future__ import annotations

from pg.experiments.exact.record import ExactExperiment
from pg.experiments.figures.kind import swept_rewards_of
from pg.experiments.figures.request import Drawn, FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.plotting import layout, marks
from pg.plotting.text import option_in_words

_LABELS = {
    "environment.rewards.offset": "offset c of every reward",
    "environment.rewards.scale": "scale α of every reward",
}


def draw(request: FigureRequest[ProbeExperiment | ExactExperiment]) -> Drawn:
    """Draw tr Cov against the levels of the rewards: a panel per environment and stage, a line per variant."""
    (path,) = swept_rewards_of(request.experiment)
    series = request.series(shown=(path,))
    spacing = "linear" if path.endswith("offset") else "log"
    figure, panels = request.panels(1.9, sharex=True, x=_LABELS[path], y=f"tr Cov (return², N = {request.batch})")
    for place, axes in panels:
        summary = request.rows("summary", place, metric="total_variance", batch=request.batch)
        # A logarithmic axis cannot show variances of 0, which occur if all rewards cancel.
        marks.draw_curves(axes, series, summary[summary["estimate"] > 0], path, joined=False)
        curves = request.rows("parabolas", place, batch=request.batch)
        for one in series:
            curve = one.rows(curves)
            axes.plot(curve[path], curve["estimate"], linewidth=1, zorder=2, **one.look.line)
        axes.set(xscale=spacing, yscale="log")
    layout.legend_below(figure, marks.legend_entries(series))
    variance = request.rows("summary", metric="total_variance", batch=request.batch)
    return figure, (
        f"Least variance: {request.leaders(variance, lowest=True)}; most: {request.leaders(variance)}. Marks are "
        f"geometric means over {request.policies} per panel, with 95 % intervals; lines are means of one parabola per "
        f"policy, as theory predicts against the {option_in_words(path)}, fitted by least squares of relative errors."
    )
