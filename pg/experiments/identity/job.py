"""The job of a comparison of the surrogate with explicit sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pg.laboratory.job import MeasurementJob

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters


class IdentityJob(MeasurementJob):
    """Compare the surrogate's gradient with explicit forms of it on random policies."""

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job."""
        from pg.experiments.identity.measure import compare_forms

        del policies  # they are random
        return {"rows": compare_forms(self)}
