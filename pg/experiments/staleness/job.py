"""The job of a staleness experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob, Sample
from pg.parts.variant import PolicyOptions, Variant

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class StalenessJob(MeasurementJob):
    """Follow gradient steps away from the snapshots of one stage and measure corrections after some of them."""

    policy: PolicyOptions
    walker: Variant
    steps: tuple[int, ...]
    sample: Sample

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.staleness.measure import follow_steps

        return {"rows": follow_steps(self, policies)}
