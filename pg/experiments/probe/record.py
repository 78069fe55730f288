"""The options of probe experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.kind import Declared, Measurement, Source, sampled_steps
from pg.experiments.probe.figures.registry import FIGURES
from pg.experiments.probe.metrics import METRICS
from pg.laboratory.job import Sample
from pg.parts.variant import Variant


class ProbeExperiment(Measurement):
    """Measures every variant's gradient estimate on the same trajectories of frozen policies."""

    metrics = METRICS
    figures = FIGURES
    folder = "probes"
    job_type = "pg.experiments.probe.job:ProbeJob"
    costly: ClassVar[str] = "sample, or the horizon of the environment"

    source: Source = Field(description="Where the policies come from.")
    sample: Sample = Field(description="How many trajectories are collected.")

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The batch sizes."""
        return {"batch": self.sample.batches}

    @property
    def extent(self) -> str:
        """How many trajectories are collected."""
        return f"{self.sample.trajectories:,} trajectories per policy"

    def estimator_of(self, variant: Variant) -> Variant:
        """Return the estimator alone: the policies are the source's, and batch sizes those of the sample."""
        unused = {name: getattr(Variant(), name) for name in ("optimizer", "policy", "batch")}
        return super().estimator_of(variant).model_copy(update=unused)

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse a swept batch size, which has no effect."""
        if "variant.batch" in self.sweep:
            yield f"{declared.at}.sweep: variant.batch has no effect in a probe; list batch sizes under sample.batches"

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the steps of the shared sample and of the reference."""
        return sampled_steps(self.sample, cell, references=1) * len(self.stages) // len(self.variants)

    def trajectories_at_once(self, cell: Cell) -> int:
        """Return the size of the largest sample."""
        del cell
        return self.sample.largest
