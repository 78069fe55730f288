"""The record of update experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.kind import NO_SCHEDULE, Cost, Declared, Measurement, Source
from pg.experiments.update.figures.registry import FIGURES
from pg.experiments.update.metrics import METRICS
from pg.experiments.update.options import UpdateOptions


class UpdateExperiment(UpdateOptions, Measurement):
    """Takes single updates from frozen policies; measures their KL divergence and what they do to likelihoods."""

    metrics = METRICS
    figures = FIGURES
    options_type = UpdateOptions
    measured_by = "pg.experiments.update.measure:take_updates"
    folder = "updates"

    source: Source = Field(description="Where the policies come from.")

    @property
    def extent(self) -> str:
        """How many updates are taken."""
        return f"{self.updates} updates per policy, {self.fresh} fresh trajectories for each"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse learning rates that only training tunes."""
        for variant in sorted({cell.variant_name for cell in declared.cells if cell.variant.is_tuned}):
            yield (
                f"{declared.at}.variants: the learning rate of {variant} is 'tuned', and tuning runs only in training; "
                "give optimizer.learning_rate a number"
            )
        for variant in sorted({cell.variant_name for cell in declared.cells if cell.variant.is_scheduled}):
            yield f"{declared.at}.variants: {variant} {NO_SCHEDULE}"

    def cost(self, cell: Cell) -> Cost:
        """Count each update's batch, and the fresh trajectories."""
        sample = cell.variant.batch + self.fresh // len(self.variants)
        steps = self.updates * sample * cell.longest * len(self.stages)
        return Cost(steps, max(cell.variant.batch, self.fresh))
