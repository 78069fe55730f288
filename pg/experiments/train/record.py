"""The options of training experiments in a study file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field, model_validator

from pg.core.devices import Device
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
    costly: ClassVar[str] = "budget.steps, gradient_steps or fit_steps of the variant, tuning.seeds, evaluate.episodes"

    budget: Budget = Field(description="When a run ends.")
    snapshots: Stages = Field(
        default={"initial": 0.0, "middle": 0.5, "late": 1.0},
        description="Stages at which policies are kept, as fractions of the step budget.",
    )
    tuning: Tuning | None = Field(default=None, description="Needed where a variant's learning rate is tuned.")
    evaluate: Evaluate | None = Field(default=None, description="Evaluation episodes, separate from training batches.")

    @model_validator(mode="after")
    def _evaluates_more_than_once(self) -> Self:
        if self.evaluate is not None and self.evaluate.every_steps > self.budget.steps:
            raise ValueError(
                f"evaluate.every_steps: {self.evaluate.every_steps} is never reached with "
                f"budget.steps: {self.budget.steps}; allowed: 1 to {self.budget.steps}"
            )
        return self

    def train_job(
        self, cell: Cell, seeds: tuple[int, ...], demonstrators: Demonstrators | None, device: Device
    ) -> TrainJob:
        """Return the job that trains a cell on a block of seeds."""
        # The level only judges the returns of episodes.
        evaluate = None if self.evaluate is None else self.evaluate.model_copy(update={"passed_at": None})
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
            demonstrators=demonstrators,
            device=device,
        )

    @property
    def extent(self) -> str:
        """How long a run is."""
        iterations = self.budget.max_iterations
        or_fewer = "" if iterations is None else f" or {iterations:,} iterations, whichever comes first"
        return f"per seed {self.budget.steps:,} environment steps{or_fewer}"

    def problems(self, declared: Declared) -> Iterator[str]:
        """Refuse evaluations without a level to reach, and tuned variants without a grid."""
        if self.evaluate is not None and self.evaluate.passed_at is None:
            yield from self._threshold_problems(declared, self.evaluate.horizon)
        if self.tuning is None:
            for variant in sorted({cell.variant_name for cell in declared.cells if cell.variant.is_tuned}):
                yield (
                    f"{declared.at}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
                    "add tuning: {grid: [...], seeds: ...} or give the variant a number"
                )

    def _threshold_problems(self, declared: Declared, judged_at: int | None) -> Iterator[str]:
        at = f"{declared.at}.evaluate.passed_at: is missing"
        for name, environment in {cell.environment_name: cell.environment for cell in declared.cells}.items():
            if environment.threshold is None:
                yield (
                    f"{at}, and {name} declares no threshold to take its place; give the return that an episode must "
                    "reach, or the environment a threshold"
                )
        horizons = {(cell.environment_name, declared.catalogue.horizon_of(cell.environment)) for cell in declared.cells}
        for name, horizon in sorted(horizons):
            if judged_at not in (None, horizon) and declared.environments[name].threshold is not None:
                yield (
                    f"{at}, and the threshold of {name} is for trajectories of {horizon} steps while evaluate.horizon "
                    f"is {judged_at}; give the return that an episode of an evaluation must reach"
                )

    def cost(self, cell: Cell) -> Cost:
        """Count a run and its evaluations, and all runs of tuning."""
        steps, iterations = self.budget.steps, self.budget.max_iterations
        trained = steps if iterations is None else min(steps, iterations * cell.variant.batch * cell.longest)
        tuned = len(self.tuning.grid) * self.tuning.seeds if self.tuning is not None and cell.variant.is_tuned else 0
        if self.evaluate is None:
            return Cost(trained, cell.variant.batch, tuned * trained)
        episodes = self.evaluate.episodes
        evaluated = (1 + trained // self.evaluate.every_steps) * episodes * (self.evaluate.horizon or cell.longest)
        return Cost(trained + evaluated, max(cell.variant.batch, episodes), tuned * trained)
