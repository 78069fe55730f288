"""The job of single updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob
from pg.parts.variant import PolicyOptions

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class UpdateJob(MeasurementJob):
    """Take single updates from the snapshots of one stage."""

    policy: PolicyOptions
    updates: int
    fresh: int

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.update.measure import take_updates

        return {"rows": take_updates(self, policies)}
