"""Errors that a user can fix."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(Exception):
    """An error that a user can fix: its message says what is wrong and what to do. Printed without a traceback."""


class InvalidStudy(UserError):
    """The study cannot be run; `problems` holds a message for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"the study has {count}:\n" + "\n".join(f"  {problem}" for problem in self.problems))
