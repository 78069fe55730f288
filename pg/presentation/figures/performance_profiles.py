"""Performance profiles: which share of all runs scores more than each score, over several environments at once."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from pg.presentation import marks, style
from pg.presentation.captions import itemised, listed, number, with_interval, without_scores
from pg.presentation.figures import FigureRequest
from pg.study.labels import environment_label

_QUOTED = (0.5, 0.95)  # scores whose shares the caption quotes: half-way, and nearly solved


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the share of runs above each score, a line with a band of intervals per variant."""
    strands = style.strands(request)
    figure = style.canvas(request.figure.width, 2.2)
    axes = figure.subplots()
    rows = marks.gathered(strands, _profiles(request))
    marks.line(axes, rows, x="above", y="estimate", linewidth=1.2, **marks.as_lines(strands, marked=False))
    _draw_bands(axes, rows, strands)
    axes.axvline(1, color=style.FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
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
        shares = {
            strand.label: with_interval(*line)
            for strand in style.strands(request)
            for line in strand.rows(at)[["estimate", "ci_low", "ci_high"]].itertuples(index=False)
        }
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


def _draw_bands(axes: Axes, rows: DataFrame, strands: tuple[style.Strand, ...]) -> None:
    for strand in strands:
        band = rows.loc[rows["strand"] == strand.key]
        low, high = style.bounded(band["ci_low"]), style.bounded(band["ci_high"])
        axes.fill_between(band["above"], low, high, color=strand.look.colour, alpha=0.15, linewidth=0)
