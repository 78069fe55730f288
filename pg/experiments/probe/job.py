"""The job of a probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob, Sample
from pg.parts.variant import PolicyOptions

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class ProbeJob(MeasurementJob):
    """Measure estimators on sampled trajectories of the snapshots of one stage."""

    policy: PolicyOptions
    sample: Sample

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.probe.measure import probe

        return {"rows": probe(self, policies)}
