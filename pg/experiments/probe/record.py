"""The record of probe experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.kind import Cost, Declared, Measurement, Source
from pg.experiments.probe.figures.registry import FIGURES
from pg.experiments.probe.metrics import METRICS
from pg.experiments.probe.options import ProbeOptions
from pg.parts.variant import Variant


class ProbeExperiment(ProbeOptions, Measurement):
    """Measures every variant's gradient estimate on the same trajectories of frozen policies."""

    metrics = METRICS
    measures_batches = True
    figures = FIGURES
    tables = ("comparisons", "parabolas")
    options_type = ProbeOptions
    measured_by = "pg.experiments.probe.measure:probe"
    folder = "probes"
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "clouds": ("batch", "along", "across"),
        "trajectories": ("trajectory", "step", "end", "reward", "weight"),
    }

    source: Source = Field(description="Where the policies come from.")

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The batch sizes."""
        return {"batch": self.sample.batches}

    @property
    def extent(self) -> str:
        """How many trajectories are collected."""
        return f"{self.sample.trajectories:,} trajectories per policy"

    def estimator_of(self, variant: Variant) -> Variant:
        """Return the estimator without optimizer, policy and batch: policies and batch sizes are declared elsewhere."""
        unused = {name: getattr(Variant(), name) for name in ("optimizer", "policy", "batch")}
        return super().estimator_of(variant).model_copy(update=unused)

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse a swept batch size, which has no effect."""
        if "variant.batch" in self.sweep:
            yield f"{declared.at}.sweep: variant.batch has no effect in a probe; list batch sizes under sample.batches"

    def cost(self, cell: Cell) -> Cost:
        """Count the shared sample and the reference."""
        return self.shared_cost(cell, self.sample.collected(cell.environment, 1), self.sample.largest)
