"""The record of support experiments in a study file: importance sampling without full support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pg.experiments.cells import Cell
from pg.experiments.kind import Cost, Declared, Measurement, in_words
from pg.experiments.support.figures.registry import FIGURES
from pg.experiments.support.metrics import METRICS
from pg.experiments.support.options import SupportOptions


class SupportExperiment(SupportOptions, Measurement):
    """Weights trajectories of a behaviour policy that withholds an action, by enumeration of a small MDP."""

    metrics = METRICS
    figures = FIGURES
    axis: ClassVar[str | None] = "left"
    axis_words = "with probability {} left to the withheld action"
    options_type = SupportOptions
    measured_by = "pg.experiments.support.measure:withhold_support"
    folder = "support"
    needs_tables = True

    @property
    def sizes(self) -> Mapping[str, tuple[float, ...]]:
        """The probabilities left."""
        return {"left": self.left}

    @property
    def extent(self) -> str:
        """What is enumerated."""
        return f"all trajectories, enumerated; probabilities left: {', '.join(f'{left:g}' for left in self.left)}"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse estimators of whole batches, actions that do not exist, and enumerations beyond the limit."""
        for cell in declared.cells:
            if cell.variant.baseline.values_from == "network":
                yield (
                    f"{declared.at}.variants: {cell.variant_name} has a value network, which is fitted to trajectories "
                    "of its policy, and support experiments draw none; allowed are baselines none, constant and exact"
                )
            if cell.variant.baseline.made_from_batch or cell.variant.normalise_advantages:
                yield (
                    f"{declared.at}.variants: {cell.variant_name} is made from its whole batch, and support "
                    "experiments enumerate single trajectories; allowed are baselines none, constant and exact "
                    "without normalisation"
                )
            mdp = declared.catalogue.mdp_of(cell.environment)
            count = declared.catalogue.trajectories_of(cell.environment)
            if mdp is not None and self.action >= mdp.actions:
                yield (
                    f"{declared.at}.action: {cell.environment_id} has actions 0 to {mdp.actions - 1}, not {self.action}"
                )
            if count > self.limit:
                yield (
                    f"{declared.at}.limit: {cell.environment_id} has {in_words(count)} trajectories; {self.limit:,} "
                    "are allowed: give the environment a shorter `horizon`, or raise the limit"
                )

    def cost(self, cell: Cell) -> Cost:
        """Count the trajectories of all sampled batches, which need no environment steps."""
        return Cost(steps=0, trajectories=cell.variant.batch * self.repetitions)
