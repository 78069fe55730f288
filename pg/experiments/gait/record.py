"""Gaits of humanoids: what a study file says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt

from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.gait.metrics import METRICS
from pg.experiments.kind import Declared, Measurement, Source

_HUMANOIDS = ("Humanoid-v4", "Humanoid-v5")


class GaitExperiment(Measurement):
    """Counts falls and steps of humanoids at each stage of the policies that its one variant has trained."""

    metrics = METRICS
    folder = "gaits"
    job_type = "pg.experiments.gait.job:GaitJob"
    more_tables: ClassVar[Mapping[str, tuple[str, ...]]] = {"poses": ("frame", "step", "time", "part", "x", "z")}

    source: Source = Field(description="Where the policies come from; `variants` names the same variant.")
    episodes: PositiveInt = Field(default=16, description="Episodes per policy.")
    frames: Annotated[int, Field(ge=2)] = Field(
        default=8, description="Poses kept of each policy's first episode, evenly spaced from its start to its end."
    )

    @property
    def extent(self) -> str:
        """How many episodes are run."""
        return f"{self.episodes} episodes per policy"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse variants that the policies are not trained by, and environments that are no plain humanoids."""
        trained = self.source.variant
        if self.variants != (trained,):
            yield (
                f"{declared.at}.variants: {', '.join(self.variants)}: a gait experiment compares no estimators; name "
                f"only the variant that trained the policies: {trained}"
            )
        for path in self.sweep:
            # Other paths are refused for every kind whose policies come from a source.
            if path.startswith("variant.") and not path.startswith("variant.policy"):
                yield f"{declared.at}.sweep: {path} has no effect, because policies train as {trained} declares"
        for name in self.environments:
            yield from _environment_problems(f"{declared.at}.environments: {name}", declared.environments[name])

    def steps_per_seed(self, cell: Cell) -> int:
        """Estimate the steps of all episodes."""
        return self.episodes * cell.longest * len(self.stages)

    def trajectories_at_once(self, cell: Cell) -> int:
        """Return the number of episodes."""
        del cell
        return self.episodes


def _environment_problems(at: str, environment: Environment) -> Iterator[str]:
    if environment.id not in _HUMANOIDS:
        yield f"{at} ({environment.id}) has no gait that is known how to measure; allowed: {', '.join(_HUMANOIDS)}"
    if "xml_file" in environment.kwargs:
        yield f"{at} has a body of its own (xml_file), whose parts are not known"
    if not environment.kwargs.get("terminate_when_unhealthy", True):
        yield (
            f"{at} goes on after a fall (terminate_when_unhealthy: false), and falls are counted where an episode ends "
            "by one"
        )
