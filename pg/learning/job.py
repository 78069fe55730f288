"""Records of training and tuning jobs. They import no torch, because the pipeline plans with them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.devices import Device
from pg.core.record import Fraction, Job, Name, Record, SomeDistinct
from pg.environments.record import Environment
from pg.parts.variant import PolicyOptions, Variant

Stages = Annotated[dict[Name, Fraction], Field(min_length=1)]


class Budget(Record):
    """The budget of a run: it ends after the steps or after the iterations, whichever comes first."""

    steps: PositiveInt = Field(description="Environment steps per seed; a run ends after the batch that reaches it.")
    max_iterations: PositiveInt | None = Field(default=None, description="Batches per seed.")


class Tuning(Record):
    """How a learning rate is chosen: the one of the grid with the largest area under the curve on tuning seeds."""

    grid: SomeDistinct[PositiveFloat] = Field(description="Learning rates tried.")
    seeds: PositiveInt = Field(
        description="Tuning seeds per rate; their random numbers differ from those of the experiment's seeds."
    )


_EVALUATIONS = 40


class Evaluate(Record):
    """Episodes of the current policy that are neither training data nor counted in the budget."""

    every_steps: PositiveInt | None = Field(
        default=None,
        description="Evaluations run before the first update, after each update that passes a multiple of this number "
        "of steps, and after the last. Default: a fortieth of budget.steps.",
    )
    episodes: PositiveInt = Field(default=16, description="Episodes per evaluation.")
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
    def declared_rate(self) -> float:
        """The learning rate in the study file; 0 for a natural gradient, which computes its own step size."""
        if self.variant.is_tuned:
            raise ValueError(
                "optimizer.learning_rate: tuned: no job has chosen the rate yet; give the variant a number"
            )
        rate = self.variant.optimizer.learning_rate
        return 0.0 if rate == "tuned" else rate

    @property
    def total_steps(self) -> int:
        """Environment steps of all seeds together, at most."""
        return self.budget.steps * len(self.seeds)


class TuneJob(_LearningJob):
    """Train one cell with each learning rate of the grid on each tuning seed."""

    tuning: Tuning

    @property
    def seeds(self) -> tuple[int, ...]:
        """The tuning seeds."""
        return tuple(range(self.tuning.seeds))

    @property
    def total_steps(self) -> int:
        """Environment steps of all seeds at all learning rates together, at most."""
        return self.budget.steps * len(self.seeds) * len(self.tuning.grid)
