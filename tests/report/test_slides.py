"""A slide has the shape of a screen, and its words are beside the picture and within the page."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pg.plotting import layout, style
from pg.report.slides import Words, lay_out

LONG = Words(
    statement="A sentence of the lecture that is so long that it needs a second line on the slide of its claim.",
    found="Supported. " + "The variance of the first is a quarter (19 % to 32 %) of that of the second. " * 2,
    equation=r"\sum_{t=1}^{T} \nabla_\theta \log \pi_\theta(\mathbf{a}_t \mid \mathbf{s}_t) + " * 6 + "x",
)


@pytest.mark.parametrize(("width", "height"), [("one_column", 1.2), ("two_columns", 1.5), ("two_columns", 6.0)])
def test_words_are_above_the_picture_and_all_is_within_the_page(width: layout.Width, height: float) -> None:
    with style.paper_style():
        picture = layout.canvas(width, height)
        axes = picture.subplots()
        own_width, own_height = picture.get_size_inches()
        lay_out(picture, LONG)
        FigureCanvasAgg(picture).draw()
    wide, high = picture.get_size_inches()
    assert wide / high == pytest.approx(16 / 9)
    page = picture.bbox
    words = [text.get_window_extent() for text in picture.texts]
    assert len(words) == 3
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and box.y1 <= page.y1 for box in words)
    drawn = axes.get_tightbbox()
    assert drawn is not None
    assert all(box.y0 > drawn.y1 for box in words)
    assert drawn.width <= page.width
    # The picture is not drawn smaller than it is in print.
    assert drawn.height >= 0.8 * picture.dpi * own_height
    assert drawn.width >= 0.8 * picture.dpi * own_width


def test_a_slide_without_a_variant_has_no_equation() -> None:
    picture = Figure(figsize=(3, 2), layout="constrained")
    lay_out(picture, Words("A statement.", "Supported. A finding.", ""))
    assert len(picture.texts) == 2
