"""Records of claims: a sentence, and the comparisons of measured rows that test it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    model_validator,
)

from pg.claims.relations.registry import RELATIONS
from pg.claims.relations.relation import Relation, Tolerance
from pg.core.choices import load_class
from pg.core.record import Distinct, Name, Record
from pg.core.suggestions import nearest

Selection = dict[str, Any]


class Family(Record):
    """Candidates: in each environment, the one with the best score on tuning seeds is judged.

    A candidate's score is that of its chosen learning rate: the mean area under the curve.
    """

    best_of: Annotated[tuple[Selection, ...], Field(min_length=1)] = Field(
        description="The candidates, each a tuned variant of a training experiment at one level of its sweep."
    )
    label: str | None = Field(
        default=None, description="Name of the side in sentences, after “with”. Default: a list of the candidates."
    )


def _kind_of_side(value: Any) -> str:
    return "family" if isinstance(value, Family) or (isinstance(value, dict) and "best_of" in value) else "selection"


# Without `not`, the schema would accept a family as a selection, too.
_Rows = Annotated[Selection, Tag("selection"), Field(json_schema_extra={"not": {"required": ["best_of"]}})]
Side = Annotated[Annotated[Family, Tag("family")] | _Rows, Discriminator(_kind_of_side)]


def _relation_named(name: str) -> Relation:
    """Return a built-in relation, or an instance of the class that `module:Class` names."""
    if ":" in name:
        own: type[Any] = load_class(name, Relation)
        return own()
    if name not in RELATIONS:
        raise ValueError(f"{name!r} is not known{nearest(name, RELATIONS)}, or module:Class for a relation of your own")
    return RELATIONS[name]


def _is_known(relation: str) -> str:
    _relation_named(relation)
    return relation


_RelationName = Annotated[
    str, AfterValidator(_is_known), Field(json_schema_extra={"anyOf": [{"enum": [*RELATIONS]}, {"pattern": ":"}]})
]


class Published(Record):
    """A number that others measured.

    Its standard error is given, or follows from `sd` or `interval`, or of a share from `n`; without any of these, the
    number is taken as exact.
    """

    value: float = Field(description="The number.")
    se: PositiveFloat | None = Field(default=None, description="Its standard error.")
    sd: PositiveFloat | None = Field(default=None, description="The standard deviation of its n runs.")
    interval: tuple[float, float] | None = Field(default=None, description="Its 95 % interval.")
    n: PositiveInt | None = Field(default=None, description="The number of runs behind it.")
    source: str = Field(description="Where it was published: paper, year, table or figure.")
    setting: str = Field(default="", description="What differs in the setting here.")

    @model_validator(mode="after")
    def _has_one_uncertainty(self) -> Self:
        given = [name for name in ("se", "sd", "interval") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of se, sd and interval, not {' and '.join(given)}")
        if self.sd is not None and self.n is None:
            raise ValueError("sd needs n, the number of runs that it is of")
        if given and self.n == 1:
            raise ValueError("n: one run has no standard error")
        if self.interval is not None and not self.interval[0] < self.interval[1]:
            raise ValueError("interval: the first end must be below the second")
        if self.interval is not None and not self.interval[0] <= self.value <= self.interval[1]:
            raise ValueError("interval: must hold the value")
        return self


def _kind_of_reference(value: Any) -> str:
    return "published" if isinstance(value, Published | dict) else "number"


_Reference = Annotated[
    Annotated[Published, Tag("published")] | Annotated[float, Tag("number")], Discriminator(_kind_of_reference)
]


class ShareOf(Record):
    """Turns a metric m(a) into the share (m(zero) - m(a)) / (m(zero) - m(one)) of an achievable change."""

    zero: Selection = Field(description="Rows at which the share is 0.")
    one: Selection = Field(description="Rows at which the share is 1.")


class Shown(Record):
    """The case of a part whose effect and interval are printed."""

    environment: Name | None = Field(default=None, description="The environment. Default: the first one.")
    stage: Name | None = Field(default=None, description="The stage. Default: the first one.")


class Condition(Record):
    """What must have happened, so that a part is not supported because nothing happened."""

    metric: str = Field(description="Name of a metric of the part's experiment.")
    a: _Rows | None = Field(default=None, description="The rows that the condition is about. Default: a of the part.")
    b: _Rows | None = Field(default=None, description="The rows that a is compared with, seed by seed.")
    reference: float | None = Field(default=None, description="The number that a is compared with.")
    relation: _RelationName = Field(description="The required relation of a; as in a part.")
    margin: PositiveFloat | None = Field(default=None, description="Needed by equal (margin) and exact (tolerance).")


class ClaimPart(Record):
    """One measurement that tests a claim: a against b, or a against a number."""

    label: str | None = Field(default=None, description="Name in the report. Default: the part's name, in words.")
    experiment: Name = Field(description="The experiment whose table holds the metric.")
    metric: str = Field(description="Name of a metric.")
    a: Side = Field(
        description="The rows that are judged, as table columns (variant, batch, ...) with values; or best_of with a "
        "list of these."
    )
    b: Side | None = Field(
        default=None,
        description="The rows that a is compared with, seed by seed; families need equally many candidates.",
    )
    against: Name | None = Field(
        default=None, description="The experiment whose table holds b, paired by seed. Default: that of a."
    )
    reference: _Reference | None = Field(
        default=None,
        description="The number that a is compared with; a published one has a source, and often an uncertainty.",
    )
    relation: _RelationName = Field(
        description="The claimed relation of a: less or greater than b, equal within the margin, exact up to a "
        "tolerance; or module:Class for a relation of your own."
    )
    margin: PositiveFloat | None = Field(default=None, description="Needed by equal (margin) and exact (tolerance).")
    share_of: ShareOf | None = Field(
        default=None, description="Judge a share of an achievable change instead of the metric."
    )
    ratio_of_means: bool = Field(
        default=False,
        description="Judge the mean of a over that of b; for nonnegative metrics, such as steps to threshold.",
    )
    environments: Distinct[Name] = Field(
        default=(), description="Environments in which the part must hold. Default: all."
    )
    stages: Distinct[Name] = Field(default=(), description="Stages at which the part must hold. Default: all.")
    shown: Shown | None = Field(
        default=None,
        description="The case whose effect is printed next to the range over all cases. Default: the first environment "
        "and stage. A tolerance prints the largest deviation of all rows.",
    )
    provided: Condition | None = Field(
        default=None,
        description="A condition in the part's experiment, environments and stages. Unless it is supported, the part "
        "is not tested.",
    )

    @property
    def condition(self) -> ClaimPart | None:
        """What `provided` demands, as a part."""
        if self.provided is None:
            return None
        demanded = {name: getattr(self.provided, name) for name in Condition.model_fields}
        demanded |= {name: getattr(self, name) for name in ("experiment", "environments", "stages")}
        return ClaimPart.model_validate(demanded | {"a": self.provided.a or self.a})

    @property
    def decision(self) -> Relation:
        """The relation with its test or tolerance, and its wording."""
        return _relation_named(self.relation)

    @property
    def published(self) -> Published | None:
        """The published number that a is compared with, if it is one."""
        return self.reference if isinstance(self.reference, Published) else None

    @property
    def number(self) -> float | None:
        """The number that a is compared with, if it is one."""
        return self.reference.value if isinstance(self.reference, Published) else self.reference

    @property
    def is_relative(self) -> bool:
        """Whether the effect is a difference or quotient: of a and b, or of a and a published number that is tested."""
        return self.b is not None or (self.published is not None and not self.is_tolerance)

    @property
    def is_tolerance(self) -> bool:
        """Whether the relation compares single rows with a tolerance, without a test."""
        return isinstance(self.decision, Tolerance)

    @property
    def experiments(self) -> dict[str, str]:
        """The experiment of a and that of b."""
        return {"a": self.experiment, "b": self.against or self.experiment}

    @property
    def sides(self) -> dict[str, Selection | Family]:
        """The given sides: a, b, and zero and one of `share_of`."""
        ends = {} if self.share_of is None else {"zero": self.share_of.zero, "one": self.share_of.one}
        return {"a": self.a} | ({} if self.b is None else {"b": self.b}) | ends

    @property
    def selections(self) -> Iterator[tuple[str, str, Selection]]:
        """Every selection of rows with its side and its path in the part, candidates of families one by one."""
        for side, declared in self.sides.items():
            path = f"share_of.{side}" if side in ("zero", "one") else side
            if isinstance(declared, Family):
                yield from ((side, f"{path}.best_of.{at}", one) for at, one in enumerate(declared.best_of))
            else:
                yield side, path, declared

    @model_validator(mode="after")
    def _has_two_sides(self) -> Self:
        if (self.b is None) == (self.reference is None):
            raise ValueError("give either b or reference")
        if self.against is not None and self.b is None:
            raise ValueError("against names the experiment of b; give b")
        if problem := self.decision.problem(self.margin):
            raise ValueError(problem)
        if self.shown is not None and self.is_tolerance:
            raise ValueError(f"relation: {self.relation} shows the largest deviation; leave shown out")
        if self.provided is not None:
            _legal_condition(self)
        if self.share_of is not None and self.b is not None:
            raise ValueError("share_of compares with a reference, not with b")
        if self.share_of is not None and self.published is not None:
            raise ValueError("share_of compares with a number, not with a published one")
        if self.share_of is not None and isinstance(self.a, Family):
            raise ValueError("share_of needs a selection of rows in a; best_of is not allowed")
        if self.ratio_of_means and (self.b is None or self.is_tolerance):
            raise ValueError(
                "ratio_of_means: true compares a with b in a test; give b, and a relation other than exact"
            )
        return self


def _legal_condition(part: ClaimPart) -> None:
    """Raise a ValueError with the problem of a condition, in a sentence."""
    try:
        _ = part.condition
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"provided: {problem}") from error


class Claim(Record):
    """A sentence, and the measurements that test it."""

    statement: str = Field(description="The claim in a sentence.")
    section: str = Field(default="", description="The section of the report that shows it. Default: the last one.")
    parts: Annotated[dict[Name, ClaimPart], Field(min_length=1)] = Field(description="The measurements.")
    primary: Name = Field(description="The part that gives the verdict, unless another is decided otherwise.")
    headline: Name | None = Field(
        default=None,
        description="The part whose finding the report tells first: that of the estimator which the sentence means. "
        "Default: the primary part.",
    )
    figure: Name = Field(description="The figure that shows it.")


class Question(Record):
    """What a reader of the report asks, and what answers it."""

    ask: str = Field(description="The question.")
    answers: Annotated[Distinct[str], Field(min_length=1)] = Field(
        description="What answers it, in this order: claims.NAME, one part of it as claims.NAME.PART, or figures.NAME, "
        "whose caption begins with an answer."
    )
