"""The record of identity experiments in a study file: comparisons of the surrogate with explicit sums."""

from __future__ import annotations

from pg.experiments.identity.figures.registry import FIGURES
from pg.experiments.identity.metrics import METRICS
from pg.experiments.kind import Measurement


class IdentityExperiment(Measurement):
    """Checks that one backward pass gives the lecture's explicit sums, on random policies in float64."""

    metrics = METRICS
    figures = FIGURES
    measured_by = "pg.experiments.identity.measure:compare_forms"
    folder = "identities"

    @property
    def extent(self) -> str:
        """What is compared."""
        return "one batch per policy"
