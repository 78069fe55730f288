"""The record of staleness experiments in a study file: corrections for data of an earlier policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.kind import NO_SCHEDULE, Cost, Declared, Measurement, Source
from pg.experiments.staleness.figures.registry import FIGURES
from pg.experiments.staleness.metrics import METRICS
from pg.experiments.staleness.options import STATES, WEIGHTS, StalenessOptions


class StalenessExperiment(StalenessOptions, Measurement):
    """Measures corrections for data of an earlier policy after each number of gradient steps away from it."""

    metrics = METRICS
    measures_batches = True
    figures = FIGURES
    axis: ClassVar[str | None] = "steps"
    axis_words = "after {} gradient steps"
    options_type = StalenessOptions
    measured_by = "pg.experiments.staleness.measure:follow_steps"
    folder = "staleness"
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {"weights": WEIGHTS, "states": STATES}

    source: Source = Field(description="Where the policies that collect the data come from.")

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
        elif walker.is_scheduled:
            yield f"{at}: {self.walk.variant} {NO_SCHEDULE}"

    def cost(self, cell: Cell) -> Cost:
        """Count the shared sample, a reference after each number of steps, and each walk from its start."""
        collected = self.sample.collected(cell.environment, len(self.walk.steps))
        passes = sum(self.walk.steps) * cell.variant.batch * cell.longest * len(self.stages) // len(self.variants)
        return self.shared_cost(cell, collected, self.sample.largest)._replace(passes=passes)
