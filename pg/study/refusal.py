"""The exception that refuses a study."""

from __future__ import annotations

from collections.abc import Iterable


class InvalidStudy(ValueError):
    """A study that cannot be run, with every problem that was found."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"the study has {count}:\n" + "\n".join(f"  {problem}" for problem in self.problems))
