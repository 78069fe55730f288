"""The job of a horizon experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob
from pg.parts.variant import PolicyOptions

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class HorizonJob(MeasurementJob):
    """Change the snapshots of one stage by a given divergence and measure weights at several horizons."""

    policy: PolicyOptions
    horizons: tuple[int, ...]
    kl: float
    trajectories: int

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.horizon.measure import lengthen_trajectories

        return {"rows": lengthen_trajectories(self, policies)}
