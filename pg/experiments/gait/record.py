"""The record of gait experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.gait.figures.registry import FIGURES
from pg.experiments.gait.metrics import METRICS
from pg.experiments.gait.options import GaitOptions
from pg.experiments.kind import Cost, Declared, Measurement, Source

_HUMANOIDS = ("Humanoid-v4", "Humanoid-v5")


class GaitExperiment(GaitOptions, Measurement):
    """Count falls and steps of humanoids, under the snapshots of one variant at each stage."""

    metrics = METRICS
    figures = FIGURES
    options_type = GaitOptions
    measured_by = "pg.experiments.gait.measure:watch"
    folder = "gaits"
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "poses": ("frame", "step", "time", "part", "x", "z"),
        "endings": ("episode", "return", "moved", "ending", "shown"),
    }

    source: Source = Field(description="Where the policies come from; `variants` names the same variant.")

    @property
    def extent(self) -> str:
        """The number of episodes."""
        return f"{self.episodes} episodes per policy"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse variants that did not train the policies, and environments other than standard humanoids."""
        trained = self.source.variant
        if self.variants != (trained,):
            yield (
                f"{declared.at}.variants: {', '.join(self.variants)}: a gait experiment compares no estimators; name "
                f"only the variant that trained the policies: {trained}"
            )
        for path in self.sweep:
            # For every kind with a source, other paths are checked in pg/study/problems/experiments.py.
            if path.startswith("environment.rewards"):
                yield f"{declared.at}.sweep: {path} has no effect on how trained policies move; remove it"
            elif path.startswith("variant.") and not path.startswith("variant.policy"):
                yield f"{declared.at}.sweep: {path} has no effect, because policies train as {trained} declares"
        for name in self.environments:
            yield from _environment_problems(f"{declared.at}.environments: {name}", declared.environments[name])

    def cost(self, cell: Cell) -> Cost:
        """Count all episodes."""
        return self.shared_cost(cell, self.episodes, self.episodes)


def _environment_problems(at: str, environment: Environment) -> Iterator[str]:
    if environment.id not in _HUMANOIDS:
        yield f"{at} ({environment.id}) is not supported by gait experiments; allowed: {', '.join(_HUMANOIDS)}"
    if "xml_file" in environment.kwargs:
        yield f"{at} sets xml_file, and gaits are measured on the standard body only; remove it"
    if not environment.kwargs.get("terminate_when_unhealthy", True):
        yield (
            f"{at} continues after a fall (terminate_when_unhealthy: false), and only falls that end an episode are "
            "counted; remove it"
        )
