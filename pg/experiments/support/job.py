"""The job of importance sampling without full support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class SupportJob(MeasurementJob):
    """Weight trajectories of proposals that withhold an action; the target policies are random."""

    action: int
    left: tuple[float, ...]
    repetitions: int
    limit: int

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.support.measure import withhold_support

        del policies  # they are random
        return {"rows": withhold_support(self)}
