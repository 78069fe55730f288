"""Base classes of the records of all kinds of experiment, with the methods that the pipeline calls.

A kind is a subclass of `Experiment`. Its record is the schema of the study file; its methods answer everything that
planning, validation, cost, tables and the report need to know. Records import neither torch nor gymnasium.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Protocol

from pydantic import Field, PositiveInt, model_validator

from pg.core.record import Name, Record, SomeDistinct
from pg.environments.record import Environment
from pg.experiments.cells import Block, Cell, blocks_between
from pg.experiments.metric import Metric
from pg.laboratory.job import RANDOM
from pg.parts.variant import Variant

if TYPE_CHECKING:
    from pg.environments.mdp import MDP
    from pg.experiments.figures.kind import FigureKind

_MOST_WRITTEN_OUT = 10**30

NO_SCHEDULE = "has an optimizer.schedule, and measured updates are in no budget; use constant"
"""The end of a message about a variant that takes measured updates."""


class Seeds(Record):
    """The seeds to run, and how many of them share a job. A job takes seconds to start; the rows are the same."""

    count: PositiveInt = Field(description="Number of seeds.")
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="The first seed.")
    per_job: PositiveInt = Field(default=10, description="Seeds of one job; they run one after the other.")

    @property
    def end(self) -> int:
        """The number after the last seed."""
        return self.first + self.count

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of seeds that share a job."""
        return blocks_between(self.first, self.end, self.per_job)

    def within(self, others: Seeds) -> bool:
        """Return whether `others` contain all of these seeds."""
        return others.first <= self.first and self.end <= others.end

    def __str__(self) -> str:
        """Return the range of seeds as text for messages."""
        return f"{self.first} to {self.end - 1}"


class SharedSeeds(Record):
    """The seeds of experiments that declare none, or not all of `count`, `first` and `per_job`."""

    train: Seeds | None = Field(default=None, description="Seeds of experiments that train.")
    measure: Seeds | None = Field(default=None, description="Seeds of all other experiments.")


class Source(Record):
    """Where the frozen policies of a measurement come from."""

    experiment: Name = Field(description="A training experiment.")
    variant: Name = Field(description="The variant that trained the policies.")
    stages: SomeDistinct[Name] = Field(description="Names of its snapshots.")


class Catalogue(Protocol):
    """Functions on environments that need gymnasium; `pg.environments.catalogue` is one."""

    def horizon_of(self, environment: Environment) -> int:
        """Return the declared horizon; if there is none, the environment's step limit."""
        ...

    def mdp_of(self, environment: Environment) -> MDP | None:
        """Return the environment's tables, if they are known."""
        ...

    def trajectories_of(self, environment: Environment) -> int:
        """Count the trajectories of an environment with tables."""
        ...


@dataclass(frozen=True)
class Declared:
    """An experiment's name and cells, and the records of its study that its checks may read."""

    name: str
    cells: tuple[Cell, ...]
    environments: Mapping[str, Environment]
    variants: Mapping[str, Variant]
    catalogue: Catalogue

    @property
    def at(self) -> str:
        """The experiment's key in the study file, which messages begin with."""
        return f"experiments.{self.name}"


class Cost(NamedTuple):
    """What a cell of an experiment costs: steps of one seed, and trajectories of one policy in memory at once.

    Samples that variants share are divided among them. `tuning_steps` are those of all runs that tune a learning rate,
    and `evaluation_steps` those in which a policy of one seed acts and does not learn. `passes` are further passes of a
    network over a step, forward and backward, as in imitation.
    """

    steps: int
    trajectories: int
    tuning_steps: int = 0
    evaluation_steps: int = 0
    passes: int = 0


class Experiment(Record):
    """What every experiment declares.

    Attributes
    ----------
    metrics
        What the kind measures, in the order of the tables.
    figures
        The kinds of figure that draw it, by name.
    tables
        The tables that are computed for figures, in addition to the long table and its summary.
    axis
        Column of what varies within a variant, in addition to the batch size; None if nothing does.
    axis_words
        Where something was measured, with a value of the axis in place of {}, as in "after {} gradient steps".
    needs_tables
        Whether environments must have tables.
    has_windows
        Whether variants may have a window of batches by several policies.
    measures_batches
        Whether figures and claims name the batch size that is measured, so that labels need not name that of training.
    costly
        Keys of the study file that make a job long, for a message.
    """

    figures: ClassVar[Mapping[str, FigureKind]] = {}
    metrics: ClassVar[tuple[Metric[Any], ...]]
    tables: ClassVar[tuple[str, ...]] = ()
    axis: ClassVar[str | None] = None
    axis_words: ClassVar[str] = ""
    needs_tables: ClassVar[bool] = False
    has_windows: ClassVar[bool] = False
    measures_batches: ClassVar[bool] = False
    costly: ClassVar[str] = "the numbers of its samples, or the horizon of the environment"

    kind: str = Field(description="A built-in kind, or module:Class of one of your own.")
    environments: SomeDistinct[Name] = Field(description="Names of environments.")
    variants: SomeDistinct[Name] = Field(description="Names of variants.")
    seeds: Seeds = Field(description="Which seeds run.")
    sweep: dict[str, SomeDistinct[Any]] = Field(
        default={},
        description="Maps dotted paths (variant.batch, environment.horizon, ...) to lists of values; lists cross.",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_are_tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("sweep"), dict):
            levels = {
                path: tuple(values) if isinstance(values, list) else values for path, values in value["sweep"].items()
            }
            return {**value, "sweep": levels}
        return value

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the columns that distinguish a variant's rows of one seed and stage."""
        return ("batch",) if cls.axis is None else ("batch", cls.axis)

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The sizes at which each policy and estimator is measured, by the column that holds them."""
        return {}

    @property
    def swept(self) -> dict[str, tuple[Any, ...]]:
        """The options that are swept over more than one level."""
        return {path: levels for path, levels in self.sweep.items() if len(levels) > 1}

    @property
    def has_own_batches(self) -> bool:
        """Whether its batch sizes are measured or swept, and not those with which its variants train."""
        return self.measures_batches or "variant.batch" in self.sweep

    @property
    def policies_from(self) -> Source | None:
        """The source of the measured policies; None if they are random, or if the experiment trains."""
        return getattr(self, "source", None)

    @property
    def other_variants(self) -> Mapping[str, str]:
        """Variants that the experiment uses in addition to those that it compares, by their key."""
        return {}

    def level(self, name: str, environment: Environment) -> float | None:
        """Return the return at which a run is solved (`threshold`), or below which it failed (`failed_below`)."""
        return getattr(environment, name)

    @property
    def extent(self) -> str:
        """How much is run per seed or policy, as text for the report."""
        return ""

    def problems(self, declared: Declared) -> Iterator[str]:
        """Return what is wrong with the experiment in its study, a message each."""
        del declared
        yield from ()

    def cost(self, cell: Cell) -> Cost:
        """Estimate what a cell of the experiment costs, as if every trajectory lasted until the horizon."""
        return Cost(steps=0, trajectories=cell.variant.batch)


class Measurement(Experiment):
    """A kind that measures on frozen or random policies: a job per environment, stage and block of seeds.

    Attributes
    ----------
    folder
        Where the rows are written, below the results folder.
    options_type
        The record of the options that decide the rows. The kind inherits it, and jobs hold it.
    measured_by
        The function that measures, as `module:function` (see `MeasurementJob`).
    more_tables
        Further tables that jobs fill, with their columns after environment, variant, levels, stage and seed.
    """

    folder: ClassVar[str]
    options_type: ClassVar[type[Record]] = Record
    measured_by: ClassVar[str]
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the policies that are measured."""
        return (RANDOM,) if self.policies_from is None else self.policies_from.stages

    @property
    def options(self) -> Record:
        """The options that decide the rows."""
        return self.options_type(**{name: getattr(self, name) for name in self.options_type.model_fields})

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the columns that the rows of every job have; metrics with unmet needs may be missing."""
        return ("seed", "variant", *cls.keys(), *(metric.name for metric in cls.metrics if metric.needs is None))

    def estimator_of(self, variant: Variant) -> Variant:
        """Return the part of a variant that the measurement depends on: without its label and its start of training."""
        return variant.model_copy(update={"label": None, "initialise": Variant().initialise})

    def shared_cost(self, cell: Cell, trajectories: int, at_once: int) -> Cost:
        """Return the cost of a number of trajectories of each policy that the variants share."""
        steps = trajectories * cell.longest * len(self.stages)
        return Cost(steps // len(self.variants), at_once)


def in_words(count: int) -> str:
    """Return a number of trajectories as text; counting stops near 1e30."""
    return f"{count:,}" if count <= _MOST_WRITTEN_OUT else f"more than {_MOST_WRITTEN_OUT:.0e}"
