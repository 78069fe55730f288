"""The options of training experiments in a study file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field, model_validator

from pg.core.devices import Device
from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.kind import Cost, Declared, Experiment
from pg.experiments.train.figures.registry import FIGURES
from pg.experiments.train.metrics import METRICS
from pg.learning.job import Budget, Demonstrators, Evaluate, Stages, TrainJob, TuneJob, Tuning


class TrainExperiment(Experiment):
    """Trains every variant in every environment over many seeds."""

    metrics = METRICS
    figures = FIGURES
    tables = ("curves", "means", "diverged", "tuned", "across")
    has_windows: ClassVar[bool] = True
    costly: ClassVar[str] = "budget.steps, gradient_steps or fit_steps of the variant, tuning.seeds, evaluate.episodes"

    budget: Budget = Field(description="When a run ends.")
    snapshots: Stages = Field(
        default={"initial": 0.0, "middle": 0.5, "late": 1.0},
        description="Stages at which policies are kept, as fractions of the step budget.",
    )
    tuning: Tuning | None = Field(default=None, description="Needed where a variant's learning rate is tuned.")
    evaluate: Evaluate = Field(
        default=Evaluate(), description="Evaluation episodes, apart from the batches: they measure final returns."
    )

    @model_validator(mode="after")
    def _evaluates_more_than_once(self) -> Self:
        if self.evaluate.spacing(self.budget) > self.budget.steps:
            raise ValueError(
                f"evaluate.every_steps: {self.evaluate.every_steps} is never reached with "
                f"budget.steps: {self.budget.steps}; allowed: 1 to {self.budget.steps}"
            )
        return self

    def train_job(
        self, cell: Cell, seeds: tuple[int, ...], demonstrators: Demonstrators | None, device: Device
    ) -> TrainJob:
        """Return the job that trains a cell on a block of seeds."""
        # The threshold only judges the returns of episodes.
        evaluate = self.evaluate.model_copy(update={"threshold": None})
        return TrainJob(
            environment=cell.physics,
            variant=cell.variant.without_idle_correction.model_copy(update={"label": None}),
            budget=self.budget,
            snapshots=self.snapshots,
            evaluate=evaluate,
            seeds=seeds,
            demonstrators=demonstrators,
            device=device,
        )

    def tune_job(self, cell: Cell, demonstrators: Demonstrators | None, device: Device) -> TuneJob:
        """Return the job that tunes the learning rate of a cell."""
        assert self.tuning is not None, "validation refuses a tuned variant without a grid"
        return TuneJob(
            environment=cell.physics,
            variant=cell.variant.without_idle_correction.model_copy(update={"label": None}),
            budget=self.budget,
            tuning=self.tuning,
            first=self.seeds.first,
            demonstrators=demonstrators,
            device=device,
        )

    def level(self, name: str, environment: Environment) -> float | None:
        """Return a level of the environment; evaluations may have a threshold of their own."""
        own = self.evaluate.threshold if name == "threshold" else None
        return super().level(name, environment) if own is None else own

    @property
    def extent(self) -> str:
        """How long a run is."""
        iterations = self.budget.max_iterations
        or_fewer = "" if iterations is None else f" or {iterations:,} iterations, whichever comes first"
        return f"per seed {self.budget.steps:,} environment steps{or_fewer}"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse evaluations that do not fit the levels that judge them, and tuned variants without a grid."""
        if self.evaluate.horizon is not None:
            yield from self._level_problems(declared, self.evaluate.horizon)
        if (own := self.evaluate.threshold) is not None:
            for name in dict.fromkeys(cell.environment_name for cell in declared.cells):
                failed = declared.environments[name].failed_below
                if failed is not None and failed >= own:
                    at = f"{declared.at}.evaluate.threshold"
                    yield f"{at}: {own:g} is not above environments.{name}.failed_below: {failed:g}"
        if self.tuning is None:
            for variant in sorted({cell.variant_name for cell in declared.cells if cell.variant.is_tuned}):
                yield (
                    f"{declared.at}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
                    "add tuning: {grid: [...], seeds: ...} or give the variant a number"
                )

    def _level_problems(self, declared: Declared, judged_at: int) -> Iterator[str]:
        levels = ("failed_below",) if self.evaluate.threshold is not None else ("threshold", "failed_below")
        horizons = {(cell.environment_name, declared.catalogue.horizon_of(cell.environment)) for cell in declared.cells}
        for name, horizon in sorted(horizons):
            for level in levels:
                if judged_at != horizon and getattr(declared.environments[name], level) is not None:
                    remedy = "; give evaluate.threshold" if level == "threshold" else ""
                    yield (
                        f"{declared.at}.evaluate.horizon: is {judged_at}, but environments.{name}.{level} is for "
                        f"trajectories of {horizon} steps{remedy}"
                    )

    def cost(self, cell: Cell) -> Cost:
        """Count a run and its evaluations, and all runs of tuning."""
        steps, iterations = self.budget.steps, self.budget.max_iterations
        trained = steps if iterations is None else min(steps, iterations * cell.variant.batch * cell.longest)
        start = cell.variant.initialise
        trained = max(trained, start.trajectories * cell.longest)
        tuned = math.ceil(self.tuning.runs * trained) if self.tuning is not None and cell.variant.is_tuned else 0
        episodes = self.evaluate.episodes
        # Before the first update, and after those that pass a multiple of the spacing and the last one.
        updates = -(-trained // (cell.variant.batch * cell.longest))
        evaluated = (1 + min(updates, -(-trained // self.evaluate.spacing(self.budget)))) * episodes
        acted = evaluated * (self.evaluate.horizon or cell.longest)
        at_once = max(cell.variant.batch * cell.variant.batches, episodes, start.trajectories)
        return Cost(trained, at_once, tuned, acted, start.passes * cell.longest)
