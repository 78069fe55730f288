"""The options of horizon experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.record import SomeDistinct
from pg.experiments.cells import Cell
from pg.experiments.horizon.figures.registry import FIGURES
from pg.experiments.horizon.metrics import METRICS
from pg.experiments.kind import Declared, Measurement, Source


class HorizonExperiment(Measurement):
    """Measures importance weights against the horizon, at a policy change of fixed size."""

    metrics = METRICS
    figures = FIGURES
    axis: ClassVar[str | None] = "horizon"
    folder = "horizons"
    job_type = "pg.experiments.horizon.job:HorizonJob"

    source: Source = Field(description="Where the policies that collect the data come from.")
    horizons: SomeDistinct[PositiveInt] = Field(description="Lengths T at which trajectories are cut off.")
    kl: PositiveFloat = Field(description="Mean KL divergence of the random change of policy, the same for every T.")
    trajectories: Annotated[int, Field(ge=4)] = Field(default=512, description="Trajectories per policy.")

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The horizons."""
        return {"horizon": self.horizons}

    @property
    def extent(self) -> str:
        """How many trajectories are collected, and where they are cut."""
        return f"{self.trajectories:,} trajectories per policy, cut off at {', '.join(map(str, self.horizons))}"

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

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the steps of the shared sample."""
        del cell
        return self.trajectories * max(self.horizons) * len(self.stages) // len(self.variants)

    def trajectories_at_once(self, cell: Cell) -> int:
        """Return the size of the sample."""
        del cell
        return self.trajectories
