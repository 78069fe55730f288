"""Records of training and tuning jobs. They import no torch, because the pipeline plans with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pg.core.devices import Device
from pg.core.record import Fraction, Job, Name, Record, SomeDistinct
from pg.environments.record import Environment
from pg.parts.variant import PolicyOptions, Variant

Stages = Annotated[dict[Name, Fraction], Field(min_length=1)]


class Budget(Record):
    """The budget of a run: it ends after the steps or after the iterations, whichever comes first."""

    steps: PositiveInt = Field(description="Environment steps per seed; a run ends after the batch that reaches it.")
    max_iterations: PositiveInt | None = Field(default=None, description="Batches per seed.")

    def is_spent(self, steps: float, iterations: float) -> bool:
        """Return whether so many environment steps or iterations spend the budget."""
        return steps >= self.steps or (self.max_iterations is not None and iterations >= self.max_iterations)

    def spent(self, steps: float, iterations: float) -> float:
        """Return the share of the budget that so many environment steps or iterations are, whichever is larger."""
        return max(steps / self.steps, 0.0 if self.max_iterations is None else iterations / self.max_iterations)

    def part(self, share: float) -> Budget:
        """Return a share of the budget, rounded up."""
        iterations = None if self.max_iterations is None else math.ceil(share * self.max_iterations)
        return Budget(steps=math.ceil(share * self.steps), max_iterations=iterations)


FIRST_ROUND = 0.25
"""Share of the budget that tuning spends with every rate of the grid, before it drops the worse half."""
_DECADE = 10.0
_ROUNDING = 1e-9


class Tuning(Record):
    """How learning rates are selected, see `pg.experiments.train.tuning`."""

    grid: SomeDistinct[PositiveFloat] = Field(description="Learning rates tried first.")
    within: tuple[PositiveFloat, PositiveFloat] | None = Field(
        default=None,
        description="Smallest and largest rate that may be tried. While the best rate is at an edge of those tried, "
        "the next half-decade is tried as well. Default: a decade beyond both ends of the grid.",
    )
    seeds: PositiveInt = Field(
        description="Tuning seeds per selection; their random numbers differ from those of the experiment's seeds. The "
        "first one has the number of the experiment's first seed."
    )
    selections: PositiveInt = Field(
        default=5,
        description="How often the rate is selected, each time on tuning seeds of its own. The runs are divided among "
        "the selections, so that their intervals include the noise of tuning. With 1 they do not.",
    )

    @model_validator(mode="after")
    def _grid_is_within_the_limits(self) -> Self:
        if self.within is not None and not self.within[0] <= min(self.grid) <= max(self.grid) <= self.within[1]:
            raise ValueError(
                f"within: {list(self.within)} does not contain the grid; allowed: a smallest rate of at most "
                f"{min(self.grid):g} and a largest of at least {max(self.grid):g}"
            )
        return self

    def allows(self, rate: float) -> bool:
        """Return whether the grid may be extended to a rate."""
        low, high = self.within or (min(self.grid) / _DECADE, max(self.grid) * _DECADE)
        return low * (1 - _ROUNDING) <= rate <= high * (1 + _ROUNDING)

    @property
    def finalists(self) -> int:
        """The number of rates that are trained to the end, without those beyond the grid."""
        return min(len(self.grid), max(2, math.ceil(len(self.grid) / 2)))

    @property
    def runs(self) -> float:
        """The number of whole runs that all selections cost, without rates beyond the grid."""
        rates = FIRST_ROUND * len(self.grid) + (1 - FIRST_ROUND) * self.finalists
        return self.selections * self.seeds * rates

    def seeds_of_selections(self, first: int) -> tuple[range, ...]:
        """Return the tuning seeds of each selection, beginning with the first seed of the experiment."""
        starts = range(first, first + self.selections * self.seeds, self.seeds)
        return tuple(range(start, start + self.seeds) for start in starts)


_EVALUATIONS = 40


class Evaluate(Record):
    """Episodes of the current policy that are neither training data nor counted in the budget."""

    every_steps: PositiveInt | None = Field(
        default=None,
        description="Evaluations run before the first update, after each update that passes a multiple of this number "
        "of steps, and after the last. Default: a fortieth of budget.steps.",
    )
    episodes: PositiveInt = Field(default=8, description="Episodes per evaluation.")
    horizon: PositiveInt | None = Field(
        default=None, description="Steps after which an evaluated episode ends. Default: the environment's horizon."
    )
    deterministic: bool = Field(
        default=False, description="Take the most likely action, or a Gaussian's mean, instead of sampling."
    )
    threshold: float | None = Field(
        default=None,
        description="Mean return of an evaluation that counts as solved. Default: the environment's threshold.",
    )

    def spacing(self, budget: Budget) -> int:
        """Return the environment steps from one evaluation to the next."""
        return self.every_steps or -(-budget.steps // _EVALUATIONS)

    def evaluated(self, environment: Environment) -> Environment:
        """Return the environment with the horizon of evaluations."""
        return environment if self.horizon is None else environment.model_copy(update={"horizon": self.horizon})


class Demonstrators(Record):
    """The snapshots that a training job imitates."""

    policy: PolicyOptions
    stage: str
    seeds: tuple[int, ...] = Field(description="The demonstrator's seed for each seed of the job, in the job's order.")


class _LearningJob(Job):
    environment: Environment
    variant: Variant
    budget: Budget
    demonstrators: Demonstrators | None = None
    device: Device = "cpu"


class TrainJob(_LearningJob):
    """Train one cell on a block of seeds."""

    snapshots: dict[Name, Fraction] = Field(default={}, description="Stages at which policies are kept.")
    evaluate: Evaluate | None = None
    seeds: tuple[int, ...]

    @property
    def declared_rates(self) -> Mapping[int, float]:
        """The learning rate in the study file, by seed; 0 for a natural gradient, which computes its own step size."""
        if self.variant.is_tuned:
            raise ValueError(
                "optimizer.learning_rate: tuned: no job has chosen the rate yet; give the variant a number"
            )
        rate = self.variant.optimizer.learning_rate
        return dict.fromkeys(self.seeds, 0.0 if rate == "tuned" else rate)

    @property
    def total_steps(self) -> int:
        """Environment steps of all seeds together, at most."""
        return self.budget.steps * len(self.seeds)


class TuneJob(_LearningJob):
    """Select the learning rate of one cell, several times."""

    tuning: Tuning
    first: int = 0

    @property
    def seeds_of_selections(self) -> tuple[range, ...]:
        """The tuning seeds of each selection."""
        return self.tuning.seeds_of_selections(self.first)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The tuning seeds of all selections."""
        return tuple(seed for seeds in self.seeds_of_selections for seed in seeds)

    @property
    def total_steps(self) -> int:
        """Environment steps of all selections together, without rates beyond the grid."""
        return math.ceil(self.budget.steps * self.tuning.runs)
