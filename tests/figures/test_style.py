"""Looks, legends and files of figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from pg.experiments.figures.concepts import concept
from pg.parts.variant import Variant
from pg.plotting import layout, style
from pg.plotting.marks import at_level
from pg.study.validation import read
from PIL import Image
from tests.figures.pictures import draw
from tests.figures.studies import request, study_of

STUDY = read(Path("config.yaml"))
DRAWN = {
    name: {
        one: concept(STUDY.variants[one]) for one in figure.variants or STUDY.experiments[figure.experiment].variants
    }
    for name, figure in STUDY.figures.items()
}

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


def seen(colour: str, vision: str) -> np.ndarray:
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return lab(np.array(SEEN[vision]) @ linear)


def nearest(colours: Iterable[str]) -> float:
    """The least distance of two colours to any eye; 2.3 is just noticeable side by side."""
    pairs = itertools.combinations(set(colours), 2)
    return min((float(np.linalg.norm(seen(a, eye) - seen(b, eye))) for a, b in pairs for eye in SEEN), default=np.inf)


def test_contrast_is_that_of_wcag() -> None:
    assert [style.contrast(colour) for colour in ("white", "#777777", "black")] == pytest.approx(
        [1, 4.48, 21], abs=0.01
    )


def test_every_colour_and_shade_is_visible_on_white() -> None:
    many = style.looks({f"{concept} {number}": concept for concept in style.COLOURS for number in range(5)})

    assert min(style.contrast(look.colour) for look in many.values()) >= 3


@pytest.mark.parametrize("figure", DRAWN)
def test_concepts_of_a_figure_are_distinct_to_every_eye(figure: str) -> None:
    of_returns = {one for one in DRAWN[figure].values() if not one.startswith("total")}

    assert nearest(style.look_of(one).colour for one in of_returns) > 15


@pytest.mark.parametrize("figure", DRAWN)
def test_variants_of_a_figure_differ_in_colour_and_in_marker_or_dashes(figure: str) -> None:
    looks = style.looks(DRAWN[figure]).values()

    assert nearest(look.colour for look in looks) > 5
    assert len({look.colour for look in looks}) == len({(one.marker, one.dashes) for one in looks}) == len(looks)


def test_total_returns_have_the_hue_of_their_baseline_but_darker() -> None:
    for name in ("none", "average_reward", "leave_one_out", "optimal", "constant"):
        total, to_go = (lab_of(f"{returns}: {name}") for returns in ("total", "baseline"))
        assert total[0] < to_go[0] - 8
        assert np.linalg.norm(total[1:] - to_go[1:]) < 60


def lab_of(concept: str) -> np.ndarray:
    return seen(style.look_of(concept).colour, "full colour")


def test_what_a_variant_is_called_or_compared_with_does_not_change_its_colour() -> None:
    clipped, other = STUDY.variants["reuse_clipped"], STUDY.variants["to_go"]
    renamed = clipped.model_copy(update={"label": "my own"})

    alone, among = looks_of(own=clipped), looks_of(other=other, own=renamed)
    assert alone["own"] == among["own"] == style.look_of("weights: clipped")


def looks_of(**variants: Variant) -> dict[str, style.Look]:
    return style.looks({name: concept(variant) for name, variant in variants.items()})


def test_variants_that_share_a_concept_differ_in_shade_marker_and_dashes() -> None:
    looks = style.looks(dict.fromkeys("abc", "weights: trajectory")).values()

    assert nearest(look.colour for look in looks) > 8
    assert len({look.marker for look in looks}) == len({look.dashes for look in looks}) == 3
    assert next(iter(looks)) == style.look_of("weights: trajectory")


def test_levels_of_variants_that_share_a_concept_differ() -> None:
    sweep = {"variant.gradient_steps": [1, 4, 8]}
    variants = {"first": {"baseline": "per_step"}, "second": {"baseline": "per_step", "optimizer": {"name": "sgd"}}}
    study = study_of(variants, levels={"sweep": sweep, "variants": [*variants]})
    series = request("learning_curves", study=study, experiment="levels").series()

    assert len({one.look.colour for one in series}) == len(series) == 6


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"returns": "total", "baseline": "average_reward"}, "total: average_reward"),
        ({"baseline": "per_step"}, "baseline: per_step"),
        ({"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network"}, "baseline: value_network"),
        ({"importance": "trajectory", "baseline": "per_step"}, "weights: trajectory"),
        ({"importance": {"name": "per_step", "clip": 0.2}}, "weights: clipped"),
        ({"importance": "per_step", "kl": {"limit": 0.1, "hold_by": "early_stop"}}, "limit: early_stop"),
        ({"initialise": {"controller": "lean", "demonstrations": 10}, "baseline": "per_step"}, "start: clone"),
    ],
)
def test_the_concept_of_a_variant(options: dict[str, Any], named: str) -> None:
    assert concept(Variant(**options)) == named
    assert named in style.COLOURS


def test_a_part_of_a_users_own_has_one_colour() -> None:
    assert style.look_of("baseline: mine:Own") == style.look_of("baseline: mine:Own")
    assert style.look_of("baseline: mine:Own").colour in style.COLOURS.values()


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


def test_text_of_an_svg_is_text_with_fonts_to_fall_back_on(plain: Figure, tmp_path: Path) -> None:
    plain.axes[0].set_title("to-go − mean")
    style.save(plain, tmp_path / "plain.svg")
    content = (tmp_path / "plain.svg").read_text(encoding="utf-8")

    assert ">to-go − mean</text>" in content
    assert "STIXGeneral', 'STIX Two Text', 'Times New Roman', 'Times', 'DejaVu Serif', serif" in content


def test_chosen_colours_are_kept_and_equal_ones_differ_in_shade() -> None:
    concepts = {"a": "baseline: none", "b": "baseline: none", "c": "baseline: optimal", "d": "baseline: exact"}
    own, red = style.looks(concepts), style.looks(concepts, {"b": "#ff0000", "c": "#ff0000"})

    assert [red[name].colour for name in "ab"] == [own["a"].colour, "#ff0000"]
    assert red["c"].colour not in (own["c"].colour, "#ff0000")
    assert red["d"] == own["d"]
    assert [(red[name].marker, red[name].dashes) for name in red] == [
        (own[name].marker, own[name].dashes) for name in own
    ]


def test_colours_of_thin_lines_survive_the_palette_of_a_png(tmp_path: Path) -> None:
    colours = [style.look_of(concept).colour for concept in style.COLOURS]
    with style.paper_style():
        figure = layout.canvas("two_columns", 2.0)
        axes = figure.subplots()
        for place, colour in enumerate(colours):
            axes.fill_between([0, 1], place, place + 0.5, color=colour, alpha=0.2)
            axes.plot([0, 1], [place, place + 0.3], color=colour, linewidth=1.3)
    style.save(figure, tmp_path / "lines.png")
    picture = Image.open(tmp_path / "lines.png")
    shown = np.asarray(picture.convert("RGB")).reshape(-1, 3) / 255
    apart = {colour: np.abs(shown - to_rgb(colour)).max(axis=-1).min() for colour in colours}

    assert picture.mode == "P"
    assert max(apart.values()) < 0.06
    assert (shown[0] == 1).all(), "the background is white"


def test_only_pdf_svg_and_png_are_written(plain: Figure, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.pdf, \.svg or \.png, not in \.jpg"):
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


def test_levels_have_their_variants_hue_in_other_shades_and_dashes() -> None:
    one = request("sampled_variance")
    levels = [series for series in one.series() if series.variant == "to_go"]

    assert [series.label for series in levels] == [f"to go, batch {size}" for size in (2, 3, 5)]
    assert levels[0].look == style.look_of("baseline: none")
    assert nearest(series.look.colour for series in levels) > 10
    assert len({series.look.dashes for series in levels}) == len(levels)


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
