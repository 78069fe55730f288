"""The result of a tuning job: the learning rate that it chose, and the scores that it was chosen from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pg.runs.files import REMEDY, UnreadableFile, read_json


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one learning rate on one tuning seed; None if the run diverged."""

    learning_rate: float
    seed: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The learning rate that was chosen, and all scores that it was chosen from.

    It is at an edge if it is the grid's smallest or largest, so that the optimum may be outside the grid.
    """

    learning_rate: float
    at_edge: bool
    scores: tuple[Score, ...]


_CHOICE = TypeAdapter(Choice)


def read_choice(path: str | Path) -> dict[str, Any]:
    """Read the choice of a learning rate, a `Choice` as JSON.

    Raises
    ------
    UnreadableFile
        If the file is damaged.
    """
    content = read_json(path)
    try:
        _CHOICE.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UnreadableFile(f"{path}: {key}: {first['msg']}; {REMEDY}") from error
    return content
