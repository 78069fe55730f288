"""The options of staleness experiments in a study file: corrections for data of an earlier policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pg.core.record import Name, Record, SomeDistinct
from pg.experiments.cells import Cell
from pg.experiments.kind import Declared, Measurement, Source, sampled_steps
from pg.experiments.staleness.figures.registry import FIGURES
from pg.experiments.staleness.metrics import METRICS
from pg.laboratory.job import MeasurementJob, Sample
from pg.parts.variant import Variant


class Walk(Record):
    """How a policy is moved away from the data that it has collected."""

    variant: Name = Field(description="The variant whose gradient steps are followed, with a number as learning rate.")
    steps: SomeDistinct[Annotated[int, Field(ge=0)]] = Field(
        description="Numbers of steps after which the corrections are measured; 0 is the policy itself."
    )


class StalenessExperiment(Measurement):
    """Measures corrections for data of an earlier policy after each number of gradient steps away from it."""

    metrics = METRICS
    figures = FIGURES
    axis: ClassVar[str | None] = "steps"
    folder = "staleness"
    job_type = "pg.experiments.staleness.job:StalenessJob"
    costly: ClassVar[str] = "sample, or the horizon of the environment"

    source: Source = Field(description="Where the policies that collect the data come from.")
    walk: Walk = Field(description="How the target policies are reached.")
    sample: Sample = Field(description="Trajectories of the behaviour policy; its first batch size is the batches' N.")

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The numbers of steps."""
        return {"steps": self.walk.steps}

    @property
    def other_variants(self) -> Mapping[str, str]:
        """The variant whose steps are followed."""
        return {"walk.variant": self.walk.variant}

    @property
    def extent(self) -> str:
        """How many trajectories are collected."""
        return f"{self.sample.trajectories:,} trajectories per policy"

    def options(self, job_type: type[MeasurementJob], variants: Mapping[str, Variant]) -> dict[str, Any]:
        """Return the walk and the sample."""
        del job_type
        walker = self.estimator_of(variants[self.walk.variant])
        return {"walker": walker, "steps": self.walk.steps, "sample": self.sample}

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse a walk whose step size is not a number."""
        at, walker = f"{declared.at}.walk.variant", declared.variants[self.walk.variant]
        if walker.chooses_its_step:
            yield (
                f"{at}: {self.walk.variant} chooses its step size by its limit, and a walk takes many steps; "
                "name a variant with a learning rate"
            )
        elif walker.is_tuned:
            yield (
                f"{at}: the learning rate of {self.walk.variant} is 'tuned', and tuning runs only in training; "
                "give optimizer.learning_rate a number"
            )

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the steps of the shared sample, and of a reference after each number of steps."""
        steps = sampled_steps(self.sample, cell, references=len(self.walk.steps))
        return steps * len(self.stages) // len(self.variants)

    def trajectories_at_once(self, cell: Cell) -> int:
        """Return the size of the largest sample."""
        del cell
        return self.sample.largest
