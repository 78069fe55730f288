"""What a tuning job stores: for each of its selections, the learning rate that it chose and all of its scores."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from pg.runs.files import REMEDY, UnreadableFile, read_json

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one learning rate on one tuning seed after a share of the budget; None if the run diverged."""

    learning_rate: float
    seed: int
    share: float
    score: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The learning rate that one selection chose, and all scores that it was chosen from.

    It is at an edge if it is the smallest or the largest rate tried, so that a better one may be beyond it.
    """

    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
    at_edge: bool
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of all selections, in order."""

    selections: tuple[Choice, ...]


_CHOICES = TypeAdapter(Choices)


def read_choices(path: str | Path) -> list[dict[str, Any]]:
    """Read the `Choices` of a tuning job: one `Choice` as JSON per selection.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or a learning rate is not the best of those that were scored.
    """
    content = read_json(path)
    try:
        _CHOICES.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UnreadableFile(f"{path}: {key}: {first['msg']}; {REMEDY}") from error
    selections: list[dict[str, Any]] = content["selections"]
    for place, choice in enumerate(selections):
        best, chosen = best_rate(final_scores(choice)), choice["learning_rate"]
        if chosen != best:
            at = f"{path}: selections.{place}.learning_rate"
            raise UnreadableFile(f"{at}: {chosen:g} is not the best of the rates that were scored, {best:g}; {REMEDY}")
    return selections


def best_rate(means: Mapping[float, float]) -> float:
    """Return the rate with the highest mean score; in a tie the smallest, and NaN if there is none."""
    return max(sorted(means), key=lambda rate: means[rate], default=math.nan)


def selection_of(seed: int, selections: int) -> int:
    """Return which selection determines the learning rate of a seed: selections take turns."""
    return seed % selections


def rates_of(choices: Sequence[Mapping[str, Any]], seeds: Iterable[int]) -> dict[int, float]:
    """Return the learning rate of each seed."""
    return {seed: float(choices[selection_of(seed, len(choices))]["learning_rate"]) for seed in seeds}


def mean_score(scores: Iterable[float | None]) -> float:
    """Return the mean score over tuning seeds; minus infinity if a run diverged."""
    return statistics.fmean(-math.inf if score is None else score for score in scores)


def final_scores(choice: Mapping[str, Any]) -> dict[float, float]:
    """Return the mean score of each rate that was trained to the end, in ascending order of the rates."""
    finals: dict[float, list[float | None]] = {}
    for one in choice["scores"]:
        if one["share"] == 1:
            finals.setdefault(one["learning_rate"], []).append(one["score"])
    return {rate: mean_score(finals[rate]) for rate in sorted(finals)}


def all_tie(scores: Iterable[float]) -> bool:
    """Return whether several rates have the same mean score, up to rounding, so that none is better."""
    first, *others = scores
    return bool(others) and all(math.isclose(first, other, rel_tol=_ROUNDING) for other in others)
