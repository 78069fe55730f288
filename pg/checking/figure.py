"""Findings as a figure: the bias of an estimator, and its variance beside those of built-in ones."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pg.checking.findings import TOLERANCE, Findings
from pg.checking.mistakes import BUILT_IN
from pg.plotting import layout, style

_ROUNDING = 1e-17
_OWN, _BEST = "yours", "best baseline of step and state"


def save(findings: Findings, path: Path) -> None:
    """Draw findings and write them as PDF, SVG or PNG; nothing is written for what could not be checked."""
    if findings.biases:
        with style.paper_style():
            style.save(draw(findings), path)


def draw(findings: Findings) -> Figure:
    """Draw a row per decision process: relative biases by N, and variances at the largest N."""
    worlds = list(dict.fromkeys(bias.world for bias in findings.biases))
    height = 0.5 + 0.24 * len(worlds)
    figure, (biases, variances) = layout.panels("two_columns", ["Bias", "Variance"], 2, height, sharey=True)
    entries = [*_draw_biases(biases, findings, worlds), *_draw_variances(variances, findings, worlds)]
    layout.name_rows(biases, worlds)
    layout.legend_below(figure, entries)
    return figure


def _draw_biases(axes: Axes, findings: Findings, worlds: list[str]) -> list[Line2D]:
    sizes = sorted({bias.n for bias in findings.biases})
    looks = style.categories([f"N = {n}" for n in sizes])
    for bias in findings.biases:
        look = looks[f"N = {bias.n}"]
        axes.plot(max(bias.relative, _ROUNDING), worlds.index(bias.world), look.marker, color=style.INK, markersize=4)
    axes.axvline(TOLERANCE, **style.DASHED_RULE)
    axes.set(xscale="log", xlabel="relative bias, ‖E[ĝ] − g‖ / ‖g‖")
    layout.log_ticks(axes.xaxis)
    return [_entry(name, look.marker, style.INK) for name, look in looks.items()]


def _draw_variances(axes: Axes, findings: Findings, worlds: list[str]) -> list[Line2D]:
    looks = style.categories([_OWN, *BUILT_IN.values(), _BEST])
    largest = max((one.n for one in findings.variances), default=0)
    for one in findings.variances:
        if one.n == largest:
            named = {_OWN: one.own, _BEST: one.least} | {BUILT_IN[name]: value for name, value in one.built_in.items()}
            for name, value in named.items():
                how = {"color": looks[name].colour, "markersize": 6 if name == _OWN else 4}
                axes.plot(value / one.plain, worlds.index(one.world), looks[name].marker, **how)
    axes.axvline(1, **style.RULE)
    axes.set(xlabel=f"tr Cov(ĝ) / that without a baseline, N = {largest}")
    layout.include(axes, x=(0,))
    return [_entry(name, look.marker, look.colour) for name, look in looks.items()]


def _entry(label: str, marker: str, colour: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, color=colour, markersize=4, label=label)
