"""The job of an enumeration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob
from pg.parts.variant import PolicyOptions

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class ExactJob(MeasurementJob):
    """Enumerate a small MDP under random policies, or under the snapshots of one stage."""

    policy: PolicyOptions | None = None
    limit: int
    sampled_batches: int | None

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.exact.measure import enumerate_moments

        return {"rows": enumerate_moments(self, policies)}
