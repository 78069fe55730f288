"""How much of the variance that a constant baseline can remove each baseline removes.

Under one policy the share is a ratio of two differences, and says nothing where the lower one is small. So both are
averaged over the policies before they are divided, and no policy is drawn on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from pandas import DataFrame, concat

from pg.parts.returns.base import Returns
from pg.parts.variant import Variant
from pg.plotting import compared, layout, marks, style
from pg.plotting.captions import counted, itemised, number, with_interval
from pg.plotting.labels import label
from pg.plotting.request import FigureRequest
from pg.statistics.estimates import ratio_of_means
from pg.statistics.intervals import Interval

_METRIC = "total_variance"
_FAR = 3.0  # where shares lie farther from 0, a linear axis would squeeze those between 0 and 1


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A baseline, and the variant of the same returns without one: its share is 0."""

    strand: compared.Strand
    zero: str


@style.paper_style()
def draw(request: FigureRequest) -> Figure:
    """Draw the shares with lines at 0 and 1: a panel per environment and stage, a row per baseline.

    Raises
    ------
    ValueError
        If no variant of the figure has partners in its experiment that the share is relative to.
    """
    comparisons = _comparisons(request)
    across = layout.beside_each_other(request)
    height = 0.5 + 0.15 * len(comparisons)
    figure, panels = layout.panels(request, across, height, sharex=True, sharey=True)
    shares = _shares(request, comparisons)
    for (place, of_place), axes in zip(shares.items(), panels, strict=True):
        _draw_panel(axes, request, place, comparisons, of_place)
    if _is_wide(shares):
        panels[0].set_xscale("symlog", linthresh=1)
        panels[0].autoscale_view()
        # More ticks than these would run into each other at the width of a column.
        panels[0].xaxis.set_major_locator(FixedLocator([-(10.0 ** _decades(panels[0])), 0, 1]))
        panels[0].xaxis.set_major_formatter("{x:g}")
    for axes in layout.lowest(panels, across):
        axes.set_xlabel(f"share achieved (N = {compared.batch_shown(request)})")
        axes.tick_params(labelbottom=True)
    return figure


def caption(request: FigureRequest) -> str:
    """Say what is drawn, which variants the shares are relative to, and the shares at the last stage."""
    comparisons = _comparisons(request)
    shares = _shares(request, comparisons)
    lead = (
        "Share of the achievable reduction of the total variance that a baseline b reaches, "
        f"(V(none) − V(b)) / (V(none) − V(b*)), with N = {compared.batch_shown(request)} trajectories. At 0 it changes "
        "nothing, at 1 it does as well as the constant b* of least variance under the policy itself; below 0 it adds "
        "variance, above 1 it does better than any constant. Both differences are "
        f"taken relative to V(none) under the policies of {counted(request.seeds, 'seed')} and averaged over them "
        "before they are divided; bars are Fieller's 95 % intervals, in brackets below. Where the 95 % interval of the "
        "achievable reduction holds 0, the share is undefined."
    )
    sentences = [lead + _how_scaled(shares) + layout.last_stage_quoted(request), _relative_to(request, comparisons)]
    if alone := _without_partners(request, comparisons):
        sentences.append(f"Not drawn, as the experiment has no partner with the same returns — {alone}.")
    for place in layout.last_places(request):
        words = {one.strand.label: _in_words(share) for one, share in zip(comparisons, shares[place], strict=True)}
        sentences.append(f"{layout.heading(request, place)}, share — {itemised(words)}.")
    return "\n".join(sentences)


def _draw_panel(
    axes: Axes,
    request: FigureRequest,
    place: layout.Place,
    comparisons: list[_Comparison],
    shares: list[Interval],
) -> None:
    strands = [one.strand for one in comparisons]
    for end in (0, 1):
        axes.axvline(end, **style.RULE)
    marks.draw_row_intervals(axes, _summary(request, place, strands, shares), strands)
    for row, share in enumerate(shares):
        if share.defined:
            style.note_beside(axes, row, number(share.estimate, 2))
        else:
            _say_undefined(axes, row)
    layout.head(axes, layout.heading(request, place), "share")
    style.name_rows(axes, [strand.label for strand in strands], request.figure.width)
    axes.grid(visible=True, axis="x")


def _say_undefined(axes: Axes, row: int) -> None:
    where = {"xycoords": ("axes fraction", "data"), "ha": "center", "va": "center"}
    # The lines at 0 and 1 must not run through the words.
    behind = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    axes.annotate(
        "undefined: reduction may be 0", (0.5, row), color=style.FAINT, fontsize=style.scaled(6.5), bbox=behind, **where
    )


def _summary(
    request: FigureRequest, place: layout.Place, strands: list[compared.Strand], shares: list[Interval]
) -> DataFrame:
    """Give each strand's share as a row of a summary."""
    at = _at(request, place)
    return concat(
        [
            strand.rows(at).head(1).assign(estimate=share.estimate, ci_low=share.low, ci_high=share.high)
            for strand, share in zip(strands, shares, strict=True)
        ]
    )


def _shares(request: FigureRequest, comparisons: list[_Comparison]) -> dict[layout.Place, list[Interval]]:
    return {place: _shares_at(request, place, comparisons) for place in layout.places(request)}


def _shares_at(request: FigureRequest, place: layout.Place, comparisons: list[_Comparison]) -> list[Interval]:
    measured, least = _at(request, place), _at(request, place, "least_variance")
    return [_share(measured, least, one) for one in comparisons]


def _share(measured: DataFrame, least: DataFrame, comparison: _Comparison) -> Interval:
    own = marks.by_seed(comparison.strand.rows(measured))
    without = replace(comparison.strand, variant=comparison.zero)
    zero, one = (marks.by_seed(without.rows(rows)).reindex(own.index) for rows in (measured, least))
    with np.errstate(all="ignore"):
        return ratio_of_means(1 - own / zero, 1 - one / zero)


def _comparisons(request: FigureRequest) -> list[_Comparison]:
    found = [
        _Comparison(strand, zero)
        for strand in compared.told_apart(request, but=("variant.batch",))
        if request.study.variants[strand.variant].baseline.name != "none"
        and (zero := _partner(request, strand.variant)) is not None
    ]
    if not found:
        raise ValueError(
            f"none of the variants {', '.join(request.variants)} has a partner in {request.figure.experiment} with the "
            "same returns and no baseline"
        )
    return found


def _partner(request: FigureRequest, variant: str) -> str | None:
    """Find the variant of the experiment, drawn or not, whose weights differ from another's in its baseline alone."""
    variants = request.study.variants
    candidates = request.study.experiments[request.figure.experiment].variants
    return next(
        (
            name
            for name in candidates
            if variants[name].baseline.name == "none" and _weights(variants[name]) == _weights(variants[variant])
        ),
        None,
    )


def _weights(variant: Variant) -> tuple[Returns, float, bool, bool]:
    """Return what else decides on the weights of the log-likelihoods."""
    return variant.returns, variant.discount, variant.discount_states, variant.normalise_advantages


def _without_partners(request: FigureRequest, comparisons: list[_Comparison]) -> str:
    seen = {name for one in comparisons for name in (one.strand.variant, one.zero)}
    return "; ".join(label(request.study, name) for name in request.variants if name not in seen)


def _relative_to(request: FigureRequest, comparisons: list[_Comparison]) -> str:
    zeros = dict.fromkeys(one.zero for one in comparisons)
    return f"Without a baseline — {'; '.join(label(request.study, name) for name in zeros)}."


def _is_wide(shares: Mapping[layout.Place, list[Interval]]) -> bool:
    return any(abs(end) > _FAR for one in shares.values() for share in one for end in (share.low, share.high))


def _how_scaled(shares: Mapping[layout.Place, list[Interval]]) -> str:
    return " The axis is logarithmic beyond −1 and 1." if _is_wide(shares) else ""


def _in_words(share: Interval) -> str:
    return with_interval(share.estimate, share.low, share.high, share.method) if share.defined else "undefined"


def _decades(axes: Axes) -> int:
    """Count the whole powers of ten that the axis reaches below zero."""
    return max(0, int(np.log10(max(1.0, -axes.get_xlim()[0]))))


def _at(request: FigureRequest, place: layout.Place, metric: str = _METRIC) -> DataFrame:
    batch = compared.batch_shown(request)
    return request.rows("long", environment=place.environment, stage=place.stage, metric=metric, batch=batch)
