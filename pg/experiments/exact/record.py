"""The record of enumeration experiments in a study file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field

from pg.experiments.cells import Cell
from pg.experiments.exact.figures.registry import FIGURES
from pg.experiments.exact.metrics import METRICS
from pg.experiments.exact.options import ExactOptions
from pg.experiments.kind import Cost, Declared, Measurement, Source, in_words

_DIGITS = 100


class ExactExperiment(ExactOptions, Measurement):
    """Computes every variant's expectation and variance by enumerating all batches of a small MDP."""

    metrics = METRICS
    measures_batches = True
    figures = FIGURES
    tables = ("comparisons", "parabolas")
    options_type = ExactOptions
    measured_by = "pg.experiments.exact.measure:enumerate_moments"
    folder = "exact"
    needs_tables = True

    source: Source | None = Field(
        default=None, description="Where the policies come from. Default: random ones, a policy per seed."
    )

    @property
    def extent(self) -> str:
        """What is enumerated."""
        return "all batches, enumerated"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse enumerations above the limit."""
        by_size = sorted(declared.cells, key=lambda cell: cell.variant.batch)
        for cell in {cell.environment_id: cell for cell in by_size}.values():
            trajectories, size = declared.catalogue.trajectories_of(cell.environment), cell.variant.batch
            # The number of batches may be too long to compute, so its number of digits is checked first.
            digits = size * math.log10(trajectories)
            if digits > _DIGITS or trajectories**size > self.limit:
                made = f"{trajectories**size:.3g}" if digits <= _DIGITS else f"10^{digits:.3g}"
                yield (
                    f"{declared.at}.limit: {cell.environment_id} has {in_words(trajectories)} trajectories, and "
                    f"batches of {size} make {made} of them; {self.limit:,} are allowed: give the environment "
                    "a shorter `horizon`, sweep smaller batches, or raise the limit"
                )

    def cost(self, cell: Cell) -> Cost:
        """Count the sampled batches; enumeration needs no environment steps."""
        return Cost((self.sampled_batches or 0) * cell.variant.batch * cell.longest, cell.variant.batch)
