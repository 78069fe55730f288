"""Errors that a user can fix."""

from __future__ import annotations

from collections.abc import Iterable

# Problems of a study that are printed, and characters of each.
_MOST_SHOWN = 100
_LONGEST_SHOWN = 4_000


class UserError(Exception):
    """An error that a user can fix: its message says what is wrong and what to do. Printed without a traceback."""


class InvalidStudy(UserError):
    """The study cannot be run; `problems` holds a message for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        shown = [f"  {_shortened(problem)}" for problem in self.problems[:_MOST_SHOWN]]
        if len(self.problems) > len(shown):
            shown.append(f"  … and {len(self.problems) - len(shown):,} more")
        super().__init__("\n".join([f"the study has {count}:", *shown]))


def _shortened(problem: str) -> str:
    """Leave out the middle of a problem that quotes a long value, and characters that cannot be printed."""
    problem = problem.encode(errors="backslashreplace").decode()
    half = _LONGEST_SHOWN // 2
    return problem if len(problem) <= _LONGEST_SHOWN else f"{problem[:half]} … {problem[-half:]}"
