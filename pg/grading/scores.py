"""Turn what a check has found into points and the reasons for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pg.checking.check import check
from pg.checking.findings import REWARDS, Findings
from pg.checking.table import on_average
from pg.grading.rubric import Exercise, Rubric

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Score:
    """The points of one property of an exercise, the most that it could get, and the reason."""

    exercise: str
    name: str
    points: float
    most: float
    reason: str

    @property
    def is_full(self) -> bool:
        """Whether it got all points."""
        return self.points == self.most


def grade(
    rubric: Rubric, folder: Path, *, seed: int, timeout: float | None = None, user: str | None = None
) -> Iterator[Score]:
    """Grade the files of a submission one after the other; a file that fails does not affect the others.

    Parameters
    ----------
    seed
        Decides the decision processes.
    timeout
        Seconds that each file may take. Default: those of the rubric.
    user
        The user of the processes of the files (see `pg.checking.check.check`).
    """
    for name, exercise in rubric.exercises.items():
        found = _findings(exercise, folder, seed, timeout or rubric.timeout, user)
        yield from scores(name, exercise, found)


def _findings(exercise: Exercise, folder: Path, seed: int, timeout: float, user: str | None) -> Findings:
    path = folder / exercise.file
    if not path.is_file():
        return Findings(exercise.file, exercise.name, fault=f"{exercise.file} is missing from the submission")
    if path.resolve().parent != folder.resolve():
        return Findings(exercise.file, exercise.name, fault=f"{exercise.file} is a link out of the submission")
    return check(path, exercise.name, seed=seed, timeout=timeout, demand=exercise, user=user)


def scores(name: str, exercise: Exercise, found: Findings) -> Iterator[Score]:
    """Yield the points of an exercise, in the order of its rubric."""
    for index, (what, most) in enumerate(exercise.points.items()):
        if found.fault:
            reason = "\n".join(filter(None, [found.fault, found.line])) if index == 0 else "It could not be checked."
            yield Score(name, what, 0.0, most, reason)
        else:
            holds, reason = _judged(what, exercise, found)
            yield Score(name, what, most if holds else 0.0, most, reason)


def _judged(what: str, exercise: Exercise, found: Findings) -> tuple[bool, str]:
    """Return whether something holds, and why."""
    match what:
        case "runs":
            return True, "It runs." + (f"\nIt printed:\n{found.printed}" if found.printed else "")
        case "unbiased":
            return found.is_unbiased, "\n".join([on_average(found), *_diagnosis(found)])
        case "variance":
            return _variance(exercise, found)
        case _:
            return _property(what, found)


def _diagnosis(found: Findings) -> list[str]:
    known = found.diagnosis
    return [known.words] if known is not None and (known.is_wrong or not found.is_unbiased) else []


def _variance(exercise: Exercise, found: Findings) -> tuple[bool, str]:
    """Judge the geometric mean of the ratios of variances, over processes and numbers of trajectories."""
    if not found.is_unbiased:
        return False, "The variance counts only if the estimate is right on average."
    ratio = float(np.exp(np.mean([np.log(one.own / one.compared) for one in found.variances])))
    holds = ratio <= exercise.variance_at_most * (1 + _ROUNDING)
    limit = f"at most {exercise.variance_at_most:g} times"
    return holds, f"Its variance should be {limit} that of {exercise.compared.words}; it is {ratio:.4g} times that."


def _property(what: str, found: Findings) -> tuple[bool, str]:
    properties = {one.name: one for one in found.properties}
    if what not in properties or REWARDS not in properties:
        failed = next(one for one in found.properties if not one.holds)
        return False, f"Not tried, because of another property ({failed.name}): {failed.sentence}."
    if not found.depends_on_rewards:
        return False, "An estimate that does not depend on the rewards gets no points for its properties."
    one = properties[what]
    diagnosis = _diagnosis(found) if what == "equals" and not one.holds else []
    return one.holds, "\n".join([f"{one.sentence[:1].upper()}{one.sentence[1:]}.", *diagnosis])
