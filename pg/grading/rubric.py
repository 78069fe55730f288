"""What an instructor asks of the files of a submission, and how many points each answer is worth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, ValidationError, model_validator

from pg.checking.demands import Demand
from pg.checking.properties import properties_of
from pg.core.errors import InvalidStudy, UserError
from pg.core.record import Name, Record
from pg.core.suggestions import nearest
from pg.study.files import located, read_file
from pg.study.wording import readable

Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]


class InvalidRubric(UserError):
    """Nothing can be graded by a rubric, which has these problems."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("the rubric is illegal:\n" + "\n".join(f"  {problem}" for problem in problems))


class Exercise(Demand):
    """A file with one submission: what it should be, and its points."""

    file: str = Field(description="The file, in the folder of the submission.")
    name: str = Field(description="The function or class in it.")
    variance_at_most: PositiveFloat = Field(
        default=1.0, description="The largest variance that gets points, over that of the estimator in `compared`."
    )
    points: dict[str, NonNegativeFloat] = Field(
        min_length=1,
        description="Points for `runs`, `unbiased`, `variance`, `equals`, and for the properties that a check names.",
    )

    @property
    def gradable(self) -> tuple[str, ...]:
        """What may be worth points."""
        return ("runs", "unbiased", "variance", *properties_of(self.kind, equals=self.equals is not None))

    @model_validator(mode="after")
    def _is_legal(self) -> Self:
        for name in self.points:
            if name not in self.gradable:
                missing = "; add `equals`" if name == "equals" else nearest(name, self.gradable)
                raise ValueError(f"points: {name!r} is not checked of this kind ({self.kind}){missing}")
        if Path(self.file).name != self.file:
            raise ValueError(f"file: should be the name of a file in the submission; it is {self.file!r}")
        return self


class Rubric(Record):
    """The exercises of a submission, in the order in which they are graded."""

    exercises: Annotated[dict[Name, Exercise], Field(min_length=1, description="Its exercises, by name.")]
    timeout: PositiveFloat = Field(default=60.0, description="Seconds that each file may take.")
    visibility: Visibility = Field(default="visible", description="When students see the points and their reasons.")

    @property
    def points(self) -> float:
        """The most points of a submission."""
        return sum(sum(exercise.points.values()) for exercise in self.exercises.values())


def read(path: Path) -> Rubric:
    """Read a rubric.

    Raises
    ------
    InvalidRubric
        If it is missing, is not YAML, or has an illegal key or value; with the line, and what is allowed.
    """
    try:
        file = read_file(path)
    except InvalidStudy as invalid:
        raise InvalidRubric(invalid.problems) from invalid
    try:
        return Rubric.model_validate(file.options)
    except ValidationError as error:
        raise InvalidRubric(located(readable(error.errors(), file.options), [file])) from error
