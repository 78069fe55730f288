"""The options of update experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, PositiveInt

from pg.experiments.cells import Cell
from pg.experiments.kind import Declared, Measurement, Source
from pg.experiments.update.figures.registry import FIGURES
from pg.experiments.update.metrics import METRICS


class UpdateExperiment(Measurement):
    """Takes single updates from frozen policies; measures their KL divergence and what they do to likelihoods."""

    metrics = METRICS
    figures = FIGURES
    folder = "updates"
    job_type = "pg.experiments.update.job:UpdateJob"

    source: Source = Field(description="Where the policies come from.")
    updates: PositiveInt = Field(default=10, description="Updates per policy, each from the policy, on its own batch.")
    fresh: Annotated[int, Field(ge=2)] = Field(
        default=64, description="Trajectories that the update has not seen, on which each is judged."
    )

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

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the steps of each update's batch, and of the fresh trajectories."""
        sample = cell.variant.batch + self.fresh // len(self.variants)
        return self.updates * sample * cell.longest * len(self.stages)

    def trajectories_at_once(self, cell: Cell) -> int:
        """Return the larger of batch and fresh sample."""
        return max(cell.variant.batch, self.fresh)
