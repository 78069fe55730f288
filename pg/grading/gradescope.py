"""Scores for a terminal, and as the file that Gradescope reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from pg.grading.rubric import Visibility
from pg.grading.scores import Score


def results(scores: Sequence[Score], *, seconds: float, visibility: Visibility) -> dict[str, Any]:
    """Return the content of Gradescope's `results.json`.

    Notes
    -----
    https://gradescope-autograders.readthedocs.io/en/latest/specs/, "Output format".
    """
    return {
        "score": sum(one.points for one in scores),
        "execution_time": round(seconds),
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": [
            {
                "number": number,
                "name": f"{one.exercise}: {one.name}",
                "score": one.points,
                "max_score": one.most,
                "status": "passed" if one.is_full else "failed",
                "output": one.reason,
                "output_format": "text",
                "visibility": visibility,
            }
            for number, one in _numbered(scores)
        ],
    }


def _numbered(scores: Sequence[Score]) -> Iterator[tuple[str, Score]]:
    for first, own in enumerate(_by_exercise(scores), start=1):
        for second, one in enumerate(own, start=1):
            yield f"{first}.{second}", one


def _by_exercise(scores: Sequence[Score]) -> list[list[Score]]:
    return [list(own) for _, own in groupby(scores, key=lambda one: one.exercise)]


def show(scores: Sequence[Score], console: Console | None = None) -> None:
    """Print the points of each exercise, and the reasons for those that are missing."""
    console = console or Console()
    for own in _by_exercise(scores):
        console.print(Text(f"{own[0].exercise}: {_sum(own)}", style="bold"))
        for one in own:
            mark = Text("  \u2713 ", style="green") if one.is_full else Text("  \u2717 ", style="bold red")
            reason = "" if one.is_full else f": {one.reason}".replace("\n", "\n      ")
            console.print(mark + Text(f"{one.name}, {one.points:g} of {one.most:g}{reason}"), soft_wrap=True)
    console.print(Text(f"all: {_sum(scores)}", style="bold"))


def _sum(scores: Sequence[Score]) -> str:
    return f"{sum(one.points for one in scores):g} of {sum(one.most for one in scores):g} points"
