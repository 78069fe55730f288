"""The record of window experiments in a study file: estimates from the batches of a learner's latest policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.kind import NO_SCHEDULE, Cost, Declared, Measurement, Source
from pg.experiments.window.figures.registry import FIGURES
from pg.experiments.window.metrics import METRICS
from pg.experiments.window.options import WindowOptions


class WindowExperiment(WindowOptions, Measurement):
    """Measures estimates from the batches of the latest policies of a learner, at the newest of them."""

    metrics = METRICS
    measures_batches = True
    figures = FIGURES
    has_windows: ClassVar[bool] = True
    options_type = WindowOptions
    measured_by = "pg.experiments.window.measure:slide_windows"
    folder = "windows"

    source: Source = Field(description="Where the learner's first policies come from.")

    @property
    def other_variants(self) -> Mapping[str, str]:
        """The variant that learns."""
        return {"path.variant": self.path.variant}

    @property
    def extent(self) -> str:
        """How many trajectories are collected."""
        return f"{self.sample.trajectories:,} trajectories of each of {self.path.iterations + 1} policies"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse windows of more batches than there are policies, and a learner that cannot take the updates."""
        most = self.path.iterations + 1
        for cell in declared.cells:
            if cell.variant.batches > most:
                yield (
                    f"{declared.at}.path.iterations: {self.path.iterations} make {most} policies, and the window of "
                    f"{cell.variant_id} has {cell.variant.batches} batches; allowed: {cell.variant.batches - 1} or more"
                )
            if cell.variant.baseline.values_from is not None:
                yield (
                    f"{declared.at}.variants: {cell.variant_name} subtracts values of states, which are those of one "
                    "policy; allowed: any other baseline"
                )
        at, learner = f"{declared.at}.path.variant", declared.variants[self.path.variant]
        if learner.is_tuned:
            yield f"{at}: the learning rate of {self.path.variant} is 'tuned'; give optimizer.learning_rate a number"
        if learner.is_scheduled:
            yield f"{at}: {self.path.variant} {NO_SCHEDULE}"
        if learner.batches > 1:
            yield f"{at}: {self.path.variant} has a window; name a variant that learns from one batch at a time"
        if learner.baseline.values_from == "network":
            yield f"{at}: {self.path.variant} has a value network, and snapshots have none; use any other baseline"

    def cost(self, cell: Cell) -> Cost:
        """Count the shared samples of all policies, and the reference."""
        policies = self.path.iterations + 1
        collected = self.sample.collected(cell.environment, 1) + (policies - 1) * self.sample.trajectories
        return self.shared_cost(cell, collected, policies * self.sample.trajectories)
