"""Rows become marks and lines with the look of their series."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from pg.plotting import marks, style
from tests.figures.pictures import offsets, scatters

LOOKS = style.looks(["first", "second"])
SERIES = [marks.Series(name, {}, name, look) for name, look in LOOKS.items()]
# Not in the order of x, and with a row that cannot be drawn.
TABLE = pd.DataFrame(
    {
        "variant": ["second", "first", "first", "second", "first"],
        "seed": [0, 1, 0, 1, 0],
        "x": [2.0, 3.0, 1.0, 1.0, 2.0],
        "y": [5.0, np.nan, 7.0, 8.0, 9.0],
    }
)


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


def test_marks_have_colour_and_marker_of_their_series(axes: Axes) -> None:
    marks.scatter(axes, marks.gathered(SERIES, TABLE), SERIES, "x", "y")
    (drawn,) = scatters(axes)

    assert offsets(drawn).tolist() == [[1, 7], [2, 9], [2, 5], [1, 8]]
    expected = [LOOKS[name] for name in ("first", "first", "second", "second")]
    assert np.array_equal(drawn.get_facecolor(), [to_rgba(look.colour) for look in expected])
    for path, look in zip(drawn.get_paths(), expected, strict=True):
        marker = MarkerStyle(look.marker)
        assert np.array_equal(path.vertices, marker.get_path().transformed(marker.get_transform()).vertices)


def test_dots_are_of_the_rows_that_have_a_value(axes: Axes) -> None:
    marks.dots(axes, marks.gathered(SERIES, TABLE), "x", "y")
    (drawn,) = scatters(axes)

    assert offsets(drawn).tolist() == [[1, 7], [2, 9], [2, 5], [1, 8]]
    assert [tuple(colour) for colour in drawn.get_facecolor()] == [
        to_rgba(LOOKS[name].colour, 0.5) for name in ("first", "first", "second", "second")
    ]


def test_lines_are_in_the_order_of_x(axes: Axes) -> None:
    marks.lines(axes, marks.gathered(SERIES, TABLE), SERIES, "x", "y")

    assert [np.asarray(line.get_xydata()).tolist() for line in axes.lines] == [[[1, 7], [2, 9]], [[1, 8], [2, 5]]]
    assert [line.get_color() for line in axes.lines] == [look.colour for look in LOOKS.values()]


def test_every_seed_has_a_line(axes: Axes) -> None:
    marks.seeds(axes, TABLE.loc[TABLE["variant"] == "first"].assign(y=[4.0, 7.0, 9.0]), "x", "y")

    assert [np.asarray(line.get_xydata()).tolist() for line in axes.lines] == [[[1, 7], [2, 9]], [[3, 4]]]


def test_rows_without_a_value_draw_nothing(axes: Axes) -> None:
    rows = marks.gathered(SERIES, TABLE.assign(y=np.nan))
    marks.scatter(axes, rows, SERIES, "x", "y")
    marks.dots(axes, rows, "x", "y")
    marks.lines(axes, rows, SERIES, "x", "y")

    assert not axes.collections
    assert not axes.lines
