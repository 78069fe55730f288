"""What a submission should be: what its file declares, or what an instructor asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from pydantic import Field, ValidationError

from pg.checking.sandbox import Loaded
from pg.checking.submissions import Arrays, Expectation, Fault, Floats, Kind, composed, problems_of
from pg.core.record import Record
from pg.core.suggestions import nearest
from pg.parts.baselines.none import NoBaseline
from pg.parts.corrections.none import NoCorrection
from pg.parts.corrections.per_step import PerStep
from pg.parts.part import Part
from pg.parts.returns.gae import Gae
from pg.parts.returns.to_go import ToGo
from pg.parts.variant import AnyBaseline, AnyCorrection, AnyReturns, Variant

_CHOICES = {
    "average_reward": "average",
    "exact": "values",
    "per_step": "per_step_of_all",
    "per_step_leave_one_out": "per_step_leave_one_out_of_all",
}
"""Names of built-in baselines in `pg.checking.mistakes`, where they differ."""
_CLIP = 0.2


class Known(Record):
    """A built-in estimator, with the keys of a variant in a study file."""

    returns: AnyReturns = Field(default=ToGo(), description="What weights each log-likelihood.")
    baseline: AnyBaseline = Field(default=NoBaseline(), description="What is subtracted from it.")
    importance: AnyCorrection = Field(default=NoCorrection(), description="How data of an earlier policy are weighted.")

    @property
    def words(self) -> str:
        """What the file of a study would say."""
        named = [
            f"{family}: {_words(part)}" for family, part in self if part != type(self).model_fields[family].default
        ]
        return ", ".join(named) or "returns: to_go"

    @property
    def choices(self) -> dict[str, str]:
        """The names of its parts in `pg.checking.mistakes`, by slot."""
        clip = isinstance(self.importance, PerStep) and self.importance.clip
        return {
            "returns": f"gae_{self.returns.lambda_:g}" if isinstance(self.returns, Gae) else self.returns.name,
            "baseline": _CHOICES.get(self.baseline.name, self.baseline.name),
            "importance": self.importance.name,
            "score": "ppo" if clip == _CLIP else "log",
        }

    def weights(self, arrays: Arrays, discount: float) -> Floats:
        """Return the weights of batches (S, N, T); a Fault says that it needs more trajectories per batch."""
        parts = {"returns": self.returns, "baseline": self.baseline, "importance": self.importance}
        try:
            variant = Variant.model_validate({**parts, "batch": arrays["mask"].shape[1], "discount": discount})
        except ValidationError as error:
            raise Fault(f"equals: {problems_of(error)}") from error
        return composed(variant, arrays)


def _words(part: Part) -> str:
    options = part.model_dump(exclude_defaults=True, exclude={"name"})
    others = "".join(f", {key}: {value}" for key, value in options.items())
    return f"{{name: {part.name}{others}}}" if others else part.name


def known(options: Mapping[str, Any]) -> Known | None:
    """Return the built-in estimator that a user's file names; None if it names none.

    Raises
    ------
    Fault
        If it is illegal, or would import a module of the user: a check judges by code of its own.
    """
    if not options:
        return None
    if ":" in str(list(_values(options))):
        raise Fault("equals: only built-in parts can be named")
    try:
        return Known.model_validate(dict(options))
    except ValidationError as error:
        raise Fault(f"equals: {problems_of(error)}") from error


def _values(options: Any) -> list[Any]:
    if isinstance(options, Mapping):
        return [value for one in options.values() for value in _values(one)]
    return [options]


class Demand(Record):
    """What a submission should be."""

    kind: Kind = Field(description="What it is.")
    expects: Expectation = Field(default="gradient", description="What its estimate is on average.")
    equals: Known | None = Field(
        default=None,
        description="The built-in estimator whose weights it has in every batch; then `expects` is ignored.",
    )
    off_policy: bool = Field(default=False, description="Whether it is for data of another policy.")
    compared: Known = Field(default=Known(), description="The estimator that its variance is compared with.")

    @property
    def choices(self) -> dict[str, str]:
        """The choices in `pg.checking.mistakes` that alone are right, by slot."""
        if self.equals is not None:
            return self.equals.choices
        return {"importance": "per_step"} if self.expects == "surrogate" else {}


def declared(loaded: Loaded) -> Demand:
    """Return what a file declares about its submission.

    Raises
    ------
    Fault
        If it declares something illegal.
    """
    if loaded.expects not in (allowed := get_args(Expectation)):
        raise Fault(f"{loaded.name}: expects: {loaded.expects!r} is not known{nearest(loaded.expects, allowed)}")
    equals = known(loaded.equals)
    return Demand(
        kind=loaded.kind,
        expects=cast("Expectation", loaded.expects),
        equals=equals,
        off_policy=loaded.is_off_policy or (equals is not None and equals.importance.corrects),
    )
