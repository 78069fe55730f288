"""Performance profiles: which share of all runs scores more than each score, over several environments at once."""

from __future__ import annotations

from matplotlib.figure import Figure
from pandas import DataFrame

from pg.plotting import compared, marks, style
from pg.plotting.captions import itemised, listed, number, quoted, without_scores
from pg.plotting.labels import environment_label
from pg.plotting.request import FigureRequest

_QUOTED = (0.5, 0.95)  # scores whose shares the caption quotes: half-way, and nearly solved


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the share of runs above each score, a line with a band of intervals per variant."""
    strands = compared.strands(request)
    figure = style.canvas(request.figure.width, 2.2)
    axes = figure.subplots()
    rows = marks.gathered(strands, _profiles(request))
    marks.line(axes, rows, x="above", y="estimate", linewidth=1.2, **marks.as_lines(strands, marked=False))
    marks.draw_bands(axes, rows, strands, "above", alpha=0.15)
    axes.axvline(1, **style.DASHED_RULE)
    axes.set_xlim(rows["above"].min(), rows["above"].max())
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("score τ (0: random policy, 1: threshold)")
    axes.set_ylabel("share of runs that score more than τ")
    axes.grid(visible=True)
    style.legend_below(figure, marks.legend_entries(strands, marked=False), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and each variant's share of runs above some scores."""
    profiles = _profiles(request)
    lead = (
        f"Performance profiles (Agarwal et al. 2021) over {across_words(request)}: the share of runs that score more "
        f"than τ. {SCORE} Bands are pointwise 95 % intervals (Clopper-Pearson), which stand in brackets below."
    )
    sentences = [lead]
    for above in _QUOTED:
        at = profiles.loc[(profiles["above"] - above).abs() < 1e-9]
        shares = {strand.label: quoted(own) for strand in compared.strands(request) if len(own := strand.rows(at))}
        sentences.append(f"Above {number(above)} — {itemised(shares)}.")
    return "\n".join([*sentences, *without_scores(profiles["estimate"])])


SCORE = (
    "A score is the return over the last tenth of the budget on the scale of its environment: 0 is the random policy, "
    "1 the threshold."
)


def across_words(request: FigureRequest) -> str:
    """Name the environments that a figure pools."""
    return listed([environment_label(request.study, name) for name in request.environments])


def _profiles(request: FigureRequest) -> DataFrame:
    return request.rows("across", statistic="profile")
