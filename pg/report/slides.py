"""A slide for a claim: the lecture's sentence, what was found, the equation and the figure, on one page of 16:9."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Picture
from matplotlib.text import Text

from pg.experiments.figures.request import draw
from pg.parts.equation import equation
from pg.plotting import style
from pg.report.cards import Card, cards_of
from pg.report.claims import claim_rows
from pg.report.figures import read_request
from pg.runs.files import write_atomically
from pg.runs.tables import read_csv
from pg.study.record import Study

_SHAPE = 16 / 9
_MARGIN = 0.03  # of the width and the height, as all that follows
_PICTURE = 0.6  # height of the picture
_STATEMENT, _SMALL = 0.05, 0.034  # sizes of type, over the height
_WIDEST = 1.6  # a narrow picture is stretched by this at most
_LETTER = 0.49  # width of a letter over the size of type, with room for wide ones


@dataclass(frozen=True, slots=True)
class Words:
    """What a slide says; the equation is LaTeX, and empty if the claim is about no variant."""

    statement: str
    found: str
    equation: str


def draw_slide(study: str, claim: str, claims: str, tables: Mapping[str, str], output: str) -> None:
    """Draw the slide of a claim.

    Parameters
    ----------
    study
        The study as JSON.
    claim
        Its name.
    claims
        Path of claims.csv.
    tables
        Paths of the tables of the claim's figure by name.
    output
        Path of the PDF.
    """
    declared, judged = Study.model_validate_json(study), read_csv(claims)
    (card,) = cards_of(declared.claims, claim_rows(declared, judged[judged["claim"] == claim]), {})
    picture, _ = draw(read_request(declared, declared.figures[card.figure], tables))
    with style.paper_style():
        lay_out(picture, words_of(declared, card))
    write_atomically(output, partial(style.save, picture))


def words_of(study: Study, card: Card) -> Words:
    """Return what the slide of a claim says: its verdict with its first finding, and its first variant's equation."""
    return Words(
        statement=card.statement,
        found=f"{card.verdict[0].upper()}{card.verdict[1:]}. {card.findings[0]['measured']}",
        equation=equation(study.variants[card.variants[0]]) if card.variants else "",
    )


def lay_out(picture: Picture, words: Words) -> None:
    """Make a slide of a picture: its page becomes as large as the picture needs, and the words are written above it."""
    own_width, own_height = picture.get_size_inches()
    width = max(own_width / (1 - 2 * _MARGIN), own_height / _PICTURE * _SHAPE)
    height = width / _SHAPE
    picture.set_size_inches(width, height)
    across = min(1 - 2 * _MARGIN, _WIDEST * own_width / width)
    if (engine := picture.get_layout_engine()) is not None:
        engine.set(rect=((1 - across) / 2, _MARGIN, across, _PICTURE))  # pyright: ignore[reportCallIssue]
    below = _written(picture, words.statement, 1 - _MARGIN, _STATEMENT, weight="bold")
    below = _written(picture, words.found, below, _SMALL)
    if words.equation:
        points = 72 * height * _SMALL
        line = picture.text(_MARGIN, below, f"${words.equation}$", va="top", size=points)
        line.set_fontsize(points * min(1.0, (1 - 2 * _MARGIN) / _width_of(line)))


def _written(picture: Picture, text: str, top: float, size: float, **how: Any) -> float:
    """Write lines of text from a height downwards, and return the height below them."""
    letters = round((1 - 2 * _MARGIN) * _SHAPE / (size * _LETTER))
    lines = textwrap.wrap(text, letters, break_long_words=False)
    points = 72 * picture.get_figheight() * size
    picture.text(_MARGIN, top, "\n".join(lines), va="top", size=points, linespacing=1.2, **how)
    return top - 1.35 * size * len(lines)


def _width_of(line: Text) -> float:
    """Return the width of a text over that of its picture."""
    figure = line.get_figure(root=True)
    assert figure is not None, "it was written on a picture"
    return line.get_window_extent().width / (figure.get_figwidth() * mpl.rcParams["figure.dpi"])
