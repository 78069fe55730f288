"""The record of horizon experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.horizon.figures.registry import FIGURES
from pg.experiments.horizon.metrics import METRICS
from pg.experiments.horizon.options import HorizonOptions
from pg.experiments.kind import Cost, Declared, Measurement, Source


class HorizonExperiment(HorizonOptions, Measurement):
    """Measures importance weights against the horizon, at a policy change of fixed size."""

    metrics = METRICS
    measures_batches = True
    figures = FIGURES
    axis: ClassVar[str | None] = "horizon"
    axis_words = "with trajectories of {} steps"
    options_type = HorizonOptions
    measured_by = "pg.experiments.horizon.measure:lengthen_trajectories"
    folder = "horizons"

    source: Source = Field(description="Where the policies that collect the data come from.")

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The horizons."""
        return {"horizon": self.horizons}

    @property
    def extent(self) -> str:
        """How many trajectories are collected, where they are cut, and how the policy changes if not at random."""
        cut = f"{self.trajectories:,} trajectories per policy, cut off at {', '.join(map(str, self.horizons))}"
        return cut if self.direction == "random" else f"{cut}; the policy changes along the gradient"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse horizons that trajectories do not reach, and value networks."""
        longest = max(self.horizons)
        for environment in self.environments:
            own = declared.catalogue.horizon_of(declared.environments[environment])
            if longest > own:
                yield (
                    f"{declared.at}.horizons: trajectories of {environment} end after {own} steps, and cannot be cut "
                    f"off at {longest}; allowed: 1 to {own}"
                )
        with_network = {cell.variant_name for cell in declared.cells if cell.variant.baseline.values_from == "network"}
        for variant in sorted(with_network):
            yield (
                f"{declared.at}.variants: {variant} has a value network, which is fitted to one horizon, and "
                "horizon experiments cut trajectories off at several; any other baseline is allowed"
            )

    def cost(self, cell: Cell) -> Cost:
        """Count the shared sample."""
        del cell
        steps = self.trajectories * max(self.horizons) * len(self.stages)
        return Cost(steps // len(self.variants), self.trajectories)
