"""Base classes of the records of all kinds of experiment, with the methods that the pipeline calls.

A kind is a subclass of `Experiment`. Its record is the schema of the study file; its methods answer everything that
planning, validation, cost, tables and the report need to know. Records import neither torch nor gymnasium.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import Field, PositiveInt, model_validator

from pg.core.choices import load_class
from pg.core.record import Name, Record, SomeDistinct
from pg.environments.record import Environment
from pg.experiments.cells import Block, Cell, blocks_between
from pg.experiments.metric import Metric
from pg.laboratory.job import RANDOM, MeasurementJob, Sample
from pg.parts.variant import Variant

if TYPE_CHECKING:
    from pg.environments.mdp import MDP
    from pg.experiments.figures.kind import FigureKind

_MOST_WRITTEN_OUT = 10**30


class Seeds(Record):
    """The seeds to run, and how many of them share a job. Fewer, larger jobs are faster; the rows are the same."""

    count: PositiveInt = Field(description="Number of seeds.")
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="The first seed.")
    per_job: PositiveInt = Field(default=10, description="Seeds trained together in one job.")

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
    """The records of a study that an experiment's checks may read.

    Attributes
    ----------
    name
        The experiment's name.
    cells
        Its cells, in declared order.
    environments, variants
        All of the study, by name.
    catalogue
        Answers questions about environments.
    """

    name: str
    cells: tuple[Cell, ...]
    environments: Mapping[str, Environment]
    variants: Mapping[str, Variant]
    catalogue: Catalogue

    @property
    def at(self) -> str:
        """The experiment's key in the study file, which messages begin with."""
        return f"experiments.{self.name}"


class Experiment(Record):
    """What every experiment declares.

    Attributes
    ----------
    metrics
        What the kind measures, in the order of the tables.
    figures
        The kinds of figure that draw it, by name.
    axis
        Column of what varies within a variant, in addition to the batch size; None if nothing does.
    needs_tables
        Whether environments must have tables.
    costly
        Keys of the study file that make a job long, for a message.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    figures: ClassVar[Mapping[str, FigureKind]] = {}
    axis: ClassVar[str | None] = None
    needs_tables: ClassVar[bool] = False
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
    def policies_from(self) -> Source | None:
        """The source of the measured policies; None if they are random, or if the experiment trains."""
        return getattr(self, "source", None)

    @property
    def other_variants(self) -> Mapping[str, str]:
        """Variants that the experiment uses in addition to those that it compares, by their key."""
        return {}

    @property
    def extent(self) -> str:
        """How much is run per seed or policy, as text for the report."""
        return ""

    def problems(self, declared: Declared) -> Iterator[str]:
        """Return what is wrong with the experiment in its study, a message each."""
        del declared
        yield from ()

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the environment steps of one seed; samples that variants share are divided among them."""
        del cell
        return 0

    def tuning_runs(self, cell: Cell) -> int:
        """Count the runs that tune the cell's learning rate."""
        del cell
        return 0

    def tuning_steps(self, cell: Cell) -> int:
        """Estimate the environment steps of all tuning runs of the cell."""
        del cell
        return 0

    def trajectories_at_once(self, cell: Cell) -> int:
        """Count the trajectories of one policy that are in memory together."""
        return cell.variant.batch


class Measurement(Experiment):
    """A kind that measures on frozen or random policies: a job per environment, stage and block of seeds.

    Attributes
    ----------
    folder
        Where the rows are written, below the results folder.
    job_type
        Class of the jobs, as `module:Class`, because tables, figures and claims must not import what measures. Fields
        that it adds to `MeasurementJob` have the names of the experiment's options.
    more_tables
        Further tables that jobs fill, with their columns after environment, variant, levels, stage and seed.
    """

    folder: ClassVar[str]
    job_type: ClassVar[str]
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the policies that are measured."""
        return (RANDOM,) if self.policies_from is None else self.policies_from.stages

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the columns that the rows of every job have; metrics with unmet needs may be missing."""
        return ("seed", "variant", *cls.keys(), *(metric.name for metric in cls.metrics if metric.needs is None))

    def estimator_of(self, variant: Variant) -> Variant:
        """Return the part of a variant that the measurement depends on: without its label and its start of training."""
        return variant.model_copy(update={"label": None, "initialise": Variant().initialise})

    def job(self, common: Mapping[str, Any], variants: Mapping[str, Variant]) -> MeasurementJob:
        """Return a job.

        Parameters
        ----------
        common
            Values of the fields of `MeasurementJob`; and `policy`, if the policies come from a source.
        variants
            All of the study.
        """
        job_type = load_class(self.job_type, MeasurementJob)
        return job_type(**common, **self.options(job_type, variants))

    def options(self, job_type: type[MeasurementJob], variants: Mapping[str, Variant]) -> dict[str, Any]:
        """Return the values of the fields that a job has in addition to the common ones."""
        del variants
        own = job_type.model_fields.keys() - MeasurementJob.model_fields.keys() - {"policy"}
        return {name: getattr(self, name) for name in own}


def sampled_steps(sample: Sample, cell: Cell, references: int) -> int:
    """Estimate the environment steps of a sample with a number of reference samples.

    Environments with tables need no reference sample. The few of gymnasium that have tables count as if they had none.
    """
    references = 0 if cell.environment.id.startswith("pg/") else references
    return (sample.trajectories + references * sample.reference) * cell.longest


def in_words(count: int) -> str:
    """Return a number of trajectories as text; counting stops near 1e30."""
    return f"{count:,}" if count <= _MOST_WRITTEN_OUT else f"more than {_MOST_WRITTEN_OUT:.0e}"
