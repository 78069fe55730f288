"""The job of a gait experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob
from pg.parts.variant import PolicyOptions

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class GaitJob(MeasurementJob):
    """Let the snapshots of one stage walk. The only variant is the one that has trained them."""

    policy: PolicyOptions
    episodes: int
    frames: int

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.gait.measure import watch

        gaits = watch(self, policies)
        return {"rows": gaits.rows, "poses": gaits.poses}
