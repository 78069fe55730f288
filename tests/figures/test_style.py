"""Looks, legends and files of figures."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from pg.plotting import layout, style
from pg.plotting.marks import at_level
from tests.figures.pictures import draw
from tests.figures.studies import VARIANTS, request

NAMES = [f"variant_{place}" for place in range(16)]

# Machado, Oliveira & Fernandes 2009, table 1, severity 1.0: linear RGB as it is seen.
SEEN = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "full colour": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    scaled = to_xyz @ linear.clip(0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.fixture
def plain() -> Figure:
    with style.paper_style():
        figure = layout.canvas("one_column", 1.5)
        axes = figure.subplots()
        axes.plot([1, 10], [1, 2])
        axes.set_xscale("log")
        axes.set_xlabel("label with ∇J and $x^2$")
    return figure


def test_a_variant_added_at_the_end_changes_no_colour_or_line() -> None:
    before, after = style.looks(NAMES[:7]), style.looks(NAMES)

    assert {name: after[name] for name in before} == before


def test_sixteen_variants_have_looks_of_their_own() -> None:
    looks = style.looks(NAMES).values()

    assert len({look.colour for look in looks}) == 16
    assert len({(look.marker, look.dashes) for look in looks}) == 16


@pytest.mark.parametrize("vision", SEEN)
def test_eight_colours_are_distinct_to_colour_blind_eyes(vision: str) -> None:
    srgb = np.array([to_rgb(look.colour) for look in style.looks(NAMES[:8]).values()])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = [lab(np.array(SEEN[vision]) @ colour) for colour in linear]

    # A difference of about 2.3 is just noticeable side by side.
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def test_paper_style_leaves_matplotlib_as_it_was() -> None:
    before = dict(mpl.rcParams)

    with style.paper_style():
        assert mpl.rcParams["pdf.fonttype"] == 42

    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("kind", ["variance", "steps_to_threshold", "tuning"])
def test_larger_type_scales_heights_and_words(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    one = request(kind, environments=("cartpole",))
    usual = draw(one)
    monkeypatch.setattr(style, "FONT_SIZE", 2 * style.FONT_SIZE)
    large = draw(one)

    assert large.get_figwidth() == usual.get_figwidth()
    # Twice the height of each row, and more rows of panels and of the legend if a row has fewer.
    assert large.get_figheight() >= 2 * usual.get_figheight()
    sizes = [
        {text.get_text(): text.get_fontsize() for text in figure.findobj(Text) if text.get_text()}
        for figure in (usual, large)
    ]
    shared = [words for words in sizes[0] if words in sizes[1]]
    assert len(shared) > 5
    assert [sizes[1][words] for words in shared] == pytest.approx([2 * sizes[0][words] for words in shared])


@pytest.mark.parametrize(
    ("value", "written"), [(-500, "−500"), (-5_000, "−5k"), (0, "0"), (2.5e6, "2.5M"), (1e-5, "1e−05")]
)
def test_ticks_of_plain_numbers_are_short_with_a_minus(value: float, written: str) -> None:
    axes = layout.canvas("one_column", 1.0).subplots()
    layout.plain_numbers(axes.yaxis)

    assert axes.yaxis.get_major_formatter()(value) == written


@pytest.mark.parametrize(
    ("suffix", "sign", "trace"),
    [(".pdf", b"%PDF", b"CreationDate"), (".svg", b"<svg", b"dc:date"), (".png", b"\x89PNG", b"Software")],
)
def test_a_file_has_the_same_bytes_each_time_and_no_date(
    plain: Figure, tmp_path: Path, suffix: str, sign: bytes, trace: bytes
) -> None:
    for name in ("first", "second"):
        style.save(plain, tmp_path / f"{name}{suffix}")
    assert len(list(tmp_path.iterdir())) == 2, "no other file is left"
    content = (tmp_path / f"first{suffix}").read_bytes()

    assert content == (tmp_path / f"second{suffix}").read_bytes()
    assert sign in content
    assert trace not in content


def test_only_pdf_svg_and_png_are_written(plain: Figure, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.pdf, \.svg or \.png"):
        style.save(plain, tmp_path / "plain.jpg")


def test_a_legend_reads_row_by_row_in_declared_order() -> None:
    one = request("batch_size", environments=("cartpole",))
    figure = draw(one)
    figure.canvas.draw()
    (legend,) = figure.legends
    corners = {text.get_text(): text.get_window_extent().p0 for text in legend.get_texts()}
    read = sorted(corners, key=lambda text: (-round(corners[text][1] / 5), corners[text][0]))

    assert len({round(x) for x, _ in corners.values()}) > 1
    assert read == [series.label for series in one.series()]


def test_levels_have_their_variants_hue_and_other_dashes() -> None:
    levels = [one for one in request("sampled_variance").series() if one.variant == "to_go"]
    brightness = [sum(to_rgb(one.look.colour)) for one in levels]

    assert [one.label for one in levels] == [f"to go, batch {size}" for size in (2, 3, 5)]
    assert brightness == sorted(brightness, reverse=True)
    assert levels[-1].look == style.looks(list(VARIANTS))["to_go"]
    assert len({one.look.dashes for one in levels}) == len(levels)


@pytest.mark.parametrize(
    ("cells", "level", "found"),
    [
        ([0.9, 1.0], 1, [False, True]),
        (["at_end", "when_earned"], "at_end", [True, False]),
        (["[]", "[64, 64]"], (64, 64), [False, True]),
        (["", None], None, [False, True]),
        (["True", "False"], True, [True, False]),
    ],
)
def test_rows_are_selected_by_levels_of_every_type(cells: list[object], level: object, found: list[bool]) -> None:
    table = pd.DataFrame({"path": cells})

    assert table.index.isin(at_level(table, {"path": level}).index).tolist() == found
