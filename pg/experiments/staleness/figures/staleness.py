"""What is left of a gradient estimate as the policy moves away from its data, and on tables why."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from pandas import DataFrame, concat

from pg.experiments.records import StalenessExperiment
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, listed, number, quoted
from pg.plotting.labels import label
from pg.plotting.layout import Place
from pg.plotting.request import FigureRequest

_AXIS_LABELS = {
    "cosine": "cosine to ∇J(θ')",
    "relative_bias": "bias / ‖∇J(θ')‖",
    "effective_share": "effective share of N",
}
_DIVERGENCE = r"$\mathrm{E}[\mathrm{KL}(\pi_{\theta'} \| \pi_\theta)]$"
_PARTS = {"state_part": "states", "return_part": "returns"}
_VARIATION = "state_variation"
_LEAST = {"cosine": -1.03, "effective_share": 0.0}
_DODGE = 0.06  # factor between neighbouring strands, as a logarithm


@dataclass(frozen=True, slots=True)
class _Panel:
    """A metric of every strand at a place, or what holds for all of them: the parts of the bias, the variation."""

    place: Place
    metrics: tuple[str, ...]


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw cosine, bias and effective share against the divergence, and on tables the parts of the bias."""
    strands, lines = compared.told_apart(request), _panels(request)
    across = 3 if request.figure.width == "two_columns" else 2
    rows = [line[start : start + across] for line in lines for start in range(0, len(line), across)]
    figure = style.canvas(request.figure.width, 0.25 + 1.45 * len(rows))
    grid = figure.subplots(len(rows), across, squeeze=False)
    for axes_of_row, row in zip(grid, rows, strict=True):
        for axes, panel in zip(layout.used(axes_of_row, len(row)), row, strict=True):
            _draw_panel(axes, request, panel, strands)
    figure.align_ylabels()
    style.legend_below(figure, marks.legend_entries(strands, marked=True), request.figure.width)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, and every number where the walk ends."""
    experiment, strands = request.experiment_of(StalenessExperiment), compared.told_apart(request)
    last = max(experiment.walk.steps)
    lead = (
        "Estimates of ∇J at θ' from data of θ, against the mean divergence E[KL(π_θ'‖π_θ)] over states of θ. Each mark "
        f"is a number of gradient steps of “{label(request.study, experiment.walk.variant)}” on one batch, up to "
        f"{last}; marks and bars are means with 95 % intervals over {counted(request.seeds, 'policy snapshot')}, "
        f"placed at their mean divergence. Estimates are made of {experiment.sample.batches[0]} trajectories of θ."
    )
    sentences = [lead + layout.last_stage_quoted(request)]
    for place in layout.last_places(request):
        results = {strand.label: _result(request, place, strand, last) for strand in strands}
        kl = _quoted(request, place, "kl", strands[0], last)
        sentences.append(
            f"{layout.heading(request, place)}, after {counted(last, 'step')}, divergence {kl} — {itemised(results)}."
        )
        if _has_tables(request, place):
            sentences.append(_decomposition(request, place, strands[0], last))
    return "\n".join([*sentences, *_without_bias(request, strands), *_undefined(request, strands)])


def _result(request: FigureRequest, place: Place, strand: compared.Strand, steps: int) -> str:
    values = {metric: _quoted(request, place, metric, strand, steps) for metric in _AXIS_LABELS}
    noise = _at_steps(strand.rows(_at(request, place, "relative_bias_noise")), steps)["estimate"]
    sampled = noise[noise > 0]
    beside = "" if sampled.empty else f" (noise alone makes {number(sampled.iloc[0])})"
    return (
        f"cosine {values['cosine']}, bias {values['relative_bias']}{beside}, "
        f"effective share {values['effective_share']}"
    )


def _decomposition(request: FigureRequest, place: Place, strand: compared.Strand, steps: int) -> str:
    state_part, return_part, variation = (
        _quoted(request, place, metric, strand, steps) for metric in (*_PARTS, _VARIATION)
    )
    return (
        "The bias of per-step ratios there is the sum of two vectors, over ‖∇J(θ')‖: "
        f"{state_part} from the states of θ instead of those of θ', and {return_part} from its returns. "
        f"Total variation between the states' distributions, what has ended being a state of its own: {variation}."
    )


def _without_bias(request: FigureRequest, strands: tuple[compared.Strand, ...]) -> list[str]:
    """Say which lines are missing from the logarithmic axis of the bias."""
    rows = concat([_along(request, place, "relative_bias", strands) for place in layout.places(request)])
    unbiased = set(rows.loc[rows["estimate"] < marks.ROUNDING, "strand"])
    names = [strand.label for strand in strands if strand.key in unbiased]
    return [f"By enumeration without bias, and so not on its logarithmic axis: {listed(names)}."] if names else []


def _undefined(request: FigureRequest, strands: tuple[compared.Strand, ...]) -> list[str]:
    """Say why there are dashes, or marks that are missing."""
    rows = concat([marks.gathered(strands, _at(request, place, "cosine")) for place in layout.places(request)])
    if not rows["estimate"].isna().any():
        return []
    return [
        "A dash, or no mark: undefined, because ∇J(θ') of some snapshot is zero, as where all its returns are alike."
    ]


def _panels(request: FigureRequest) -> list[list[_Panel]]:
    lines: list[list[_Panel]] = []
    for place in layout.places(request):
        explained = (tuple(_PARTS), (_VARIATION,)) if _has_tables(request, place) else ()
        lines.append([_Panel(place, metrics) for metrics in (*((one,) for one in _AXIS_LABELS), *explained)])
    return lines


def _draw_panel(axes: Axes, request: FigureRequest, panel: _Panel, strands: tuple[compared.Strand, ...]) -> None:
    axes.set_xscale("log")
    (first, *_) = panel.metrics
    if first in _AXIS_LABELS:
        _draw_strands(axes, request, panel.place, first, strands)
    else:
        _draw_change(axes, request, panel, strands[0])
    axes.set_xlabel(_DIVERGENCE)
    axes.grid(visible=True)
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if first == next(iter(_AXIS_LABELS)):
        axes.set_title(layout.heading(request, panel.place))


def _draw_strands(
    axes: Axes, request: FigureRequest, place: Place, metric: str, strands: tuple[compared.Strand, ...]
) -> None:
    rows = _along(request, place, metric, strands)
    axes.set_ylabel(_AXIS_LABELS[metric])
    if metric == "relative_bias":
        axes.set_yscale("log")
        rows = rows[rows["estimate"] >= marks.ROUNDING]
    if rows.empty:
        return
    marks.draw_column_intervals(axes, rows.assign(beside=marks.dodged(rows, "kl", _DODGE)), strands, "beside")
    axes.set_ylabel(_AXIS_LABELS[metric])
    low, high = axes.get_ylim()
    if metric == "relative_bias":
        # An interval that reaches down to nothing must not stretch a logarithmic axis.
        axes.set_ylim(max(low, rows["estimate"].min() / 2), high)
    else:
        # Zero is in sight in every panel, and what lies beyond the metric's own range in none.
        axes.set_ylim(max(min(0.0, low), _LEAST[metric]), 1.03)
        axes.axhline(0, **style.RULE)


def _draw_change(axes: Axes, request: FigureRequest, panel: _Panel, strand: compared.Strand) -> None:
    """Draw what depends on the two policies alone: the same for every strand."""
    for place, metric in enumerate(panel.metrics):
        rows = _along(request, panel.place, metric, (strand,))
        dashes = "-" if place == 0 else (0, (4, 1.5))
        axes.vlines(
            rows["kl"], style.bounded(rows["ci_low"]), style.bounded(rows["ci_high"]), colors=style.INK, linewidth=0.8
        )
        axes.plot(rows["kl"], rows["estimate"], color=style.INK, linestyle=dashes, marker=".", label=_PARTS.get(metric))
    axes.set_ylim(bottom=0)
    if panel.metrics == (_VARIATION,):
        axes.set_ylabel("total variation")
    else:
        axes.set_ylabel("part of bias / ‖∇J(θ')‖")
        axes.legend(loc="upper left", fontsize=style.scaled(6.5), handlelength=1.8)


def _along(request: FigureRequest, place: Place, metric: str, strands: tuple[compared.Strand, ...]) -> DataFrame:
    """Gather a metric where the policy has moved, with the mean divergence there in a column kl."""
    keys = ["strand", "batch", "steps"]
    moved = marks.gathered(strands, _at(request, place, "kl")).rename(columns={"estimate": "kl"})[[*keys, "kl"]]
    rows = marks.gathered(strands, _at(request, place, metric)).merge(moved, on=keys)
    return rows[rows["kl"] > 0].dropna(subset=["estimate"]).sort_values(["place", "steps"])


def _at(request: FigureRequest, place: Place, metric: str) -> DataFrame:
    return request.rows("summary", environment=place.environment, stage=place.stage, metric=metric)


def _at_steps(rows: DataFrame, steps: int) -> DataFrame:
    return rows[rows["steps"] == steps]


def _quoted(request: FigureRequest, place: Place, metric: str, strand: compared.Strand, steps: int) -> str:
    rows = _at_steps(strand.rows(_at(request, place, metric)), steps)
    # Rounding is no bias.
    return "0" if (rows["estimate"].head(1).abs() < marks.ROUNDING).any() else quoted(rows)


def _has_tables(request: FigureRequest, place: Place) -> bool:
    return not _at(request, place, _VARIATION)["estimate"].dropna().empty
