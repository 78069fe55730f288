"""Explorables: interactive counterparts of figures for the page, as Vega-Lite specifications with native controls."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import altair as alt
import pandas as pd

from pg.plotting import style
from pg.plotting.marks import Series

Value = str | float | bool
Panel: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart
"""A chart of one view; Altair's types allow for facets, which have no place here."""

ALL = ""
"""The value of a choice that leaves nothing out."""

# Widths of axes are fixed, so that the page can compute the width of a panel from that of the column.
_AXIS_WIDTH = 40
_MARGIN = 78
_HEIGHT = 220
_CONFIG: dict[str, Any] = {
    # The description of the chart names it; its marks would be groups without a name.
    "mark": {"aria": False},
    "background": "white",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **{f"{part}Color": style.INK for part in ("domain", "tick", "label", "title")},
        **{"gridColor": "#e4e4e4", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    },
    "axisY": {"minExtent": _AXIS_WIDTH, "maxExtent": _AXIS_WIDTH},
    "title": {"anchor": "start", "color": style.INK, "fontSize": 13, "fontWeight": 600},
    "text": {"color": style.INK, "fontSize": 12},
}
_LOG_TICKS = [round(power + math.log10(first), 4) for power in range(-9, 10) for first in (1, 2, 5)]
_TICK = "(logarithmic ? pow(10, datum.value) : datum.value)"


@dataclass(frozen=True, slots=True)
class Control:
    """A native input of the page that sets a parameter of the chart.

    Attributes
    ----------
    kind
        A slider or a list of values; a switch, whose values are off and on; or several boxes, whose parameter is the
        list of the values that are ticked, at first all.
    name, label
        The parameter, and its name for readers.
    values, labels
        The values, and how readers see them.
    start
        Place of the first value.
    colours
        The colours of the values, so that the inputs are the legend as well.
    plays
        Whether a button may step through the values.
    """

    kind: Literal["slider", "choice", "switch", "several"]
    name: str
    label: str
    values: tuple[Value, ...] = (False, True)
    labels: tuple[str, ...] = ("off", "on")
    start: int = 0
    colours: tuple[str, ...] = ()
    plays: bool = False

    @property
    def parameter(self) -> alt.Parameter:
        """The parameter with its first value."""
        return alt.param(name=self.name, value=[*self.values] if self.kind == "several" else self.values[self.start])


@dataclass(frozen=True, slots=True)
class Layout:
    """The least width of a panel, its margin beside the view, and the height of a view over its width, if fixed."""

    least: int = 300
    margin: int = _MARGIN
    aspect: float | None = None


@dataclass(frozen=True, slots=True)
class Explorable:
    """What readers can do with a figure.

    Attributes
    ----------
    title, hint
        What it is about, and a sentence on what to do and see.
    controls
        The inputs above the chart.
    panels
        Charts of one view each; the page lays them out in `columns` if there is room, else below each other.
    layout
        How panels fit a column of the page.
    """

    title: str
    hint: str
    controls: tuple[Control, ...]
    panels: Sequence[Panel]
    columns: int = 1
    layout: Layout = Layout()

    def as_json(self) -> dict[str, Any]:
        """Return what the page embeds; the same input gives the same names."""
        panels = [panel.properties(height=_height(panel)) for panel in self.panels]
        chart = alt.concat(*panels, columns=min(self.columns, len(panels))).add_params(
            *(one.parameter for one in self.controls)
        )
        with alt.data_transformers.disable_max_rows():
            spec = chart.properties(config=alt.Config.from_dict(_CONFIG)).to_dict()
        # Altair turns what is empty back into NaN, which JSON does not have.
        for rows in spec["datasets"].values():
            for row in rows:
                row.update(
                    {name: None for name, value in row.items() if isinstance(value, float) and math.isnan(value)}
                )
        return {
            "title": self.title,
            "hint": self.hint,
            "controls": [asdict(one) for one in self.controls],
            "spec": spec | {"description": f"{self.title}. {self.hint}", "usermeta": {"layout": asdict(self.layout)}},
        }


def slider(
    name: str,
    label: str,
    values: Sequence[float],
    start: int = 0,
    *,
    labels: Sequence[float] = (),
    plays: bool = False,
) -> Control:
    """Return a slider over some numbers, which need not be equally spaced; readers see others if `labels` are given."""
    written = tuple(f"{one:g}" for one in labels or values)
    return Control("slider", name, label, tuple(values), written, start, plays=plays)


def choice(name: str, label: str, values: Mapping[str, str], start: int = 0) -> Control:
    """Return a list of values, given with the labels that readers see."""
    return Control("choice", name, label, tuple(values), tuple(values.values()), start)


def log_switch(label: str, *, on: bool = False) -> Control:
    """Return the switch of axes made by `switched_axis`."""
    return Control("switch", "logarithmic", label, start=int(on))


def variant_controls(series: Sequence[Series]) -> tuple[Control, Control]:
    """Return the choice of a variant to highlight, which all explorables share, and boxes for those to show."""
    labels = {one.key: one.label for one in series}
    colours = tuple(one.look.colour for one in series)
    return (
        choice("variant", "Highlight", {ALL: "all alike", **labels}),
        Control("several", "shown", "Show", tuple(labels), tuple(labels.values()), colours=colours),
    )


IS_SHOWN = "indexof(shown, datum.variant) >= 0"
"""The filter of rows of variants that are ticked."""

IS_HIGHLIGHTED = "variant == datum.variant"
"""The condition that a mark is of the highlighted variant."""


def highlighted(strong: float = 1.0, faint: float = 0.12) -> Any:
    """Return the opacity of marks: faint if another variant is highlighted."""
    return alt.condition(f"variant == '{ALL}' || {IS_HIGHLIGHTED}", alt.value(strong), alt.value(faint))


def colours_of(series: Sequence[Series]) -> alt.Color:
    """Return the colour of variants as in the figures; the boxes of `variant_controls` are its legend."""
    scale = alt.Scale(domain=[one.key for one in series], range=[one.look.colour for one in series])
    return alt.Color("variant:N", scale=scale, legend=None)


def on_switched_axis(chart: alt.Chart, **fields: str) -> alt.Chart:
    """Compute the places of positive fields on an axis of `switched_axis`, by the names of the new fields.

    Vega cannot change the type of a scale, so the values are changed.
    """
    places = {name: f"logarithmic ? log(datum['{field}']) / LN10 : datum['{field}']" for name, field in fields.items()}
    return chart.transform_calculate(**places)


def switched_axis() -> alt.Axis:
    """Return an axis whose ticks are 1, 2 and 5 times powers of ten if the switch is on."""
    return alt.Axis(
        values=alt.ExprRef(f"logarithmic ? {_LOG_TICKS} : null"),
        labelExpr=f"format({_TICK}, (logarithmic ? '.1' : '') + ({_TICK} >= 1e4 ? '~s' : '~r'))",
        labelOverlap=True,
        grid=True,
    )


def named(chart: alt.Chart, series: Sequence[Series]) -> alt.Chart:
    """Compute `name`, the label of each row's variant, for tooltips."""
    labels = {one.key: one.label for one in series}
    return chart.transform_calculate(name=f"({json.dumps(labels, ensure_ascii=False)})[datum.variant]")


NAME = alt.Tooltip("name:N", title="variant")
"""The label of a variant in a tooltip; see `named`."""


def rounded(table: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Round all numbers to a few significant digits, which is what a screen shows; NaN becomes empty."""
    numbers = table.select_dtypes("float")
    short = {
        str(name): pd.Series([_short(value, digits) for value in numbers[name]], table.index, dtype=object)
        for name in numbers
    }
    return table.assign(**short)


def _short(value: float, digits: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def _height(panel: Panel) -> Any:
    return _HEIGHT if panel.height is alt.Undefined else panel.height
