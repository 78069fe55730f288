"""The kinds of experiment: each says what is run, on which policies, and how much of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pg.core.record import Fraction, Name, Record, SomeDistinct
from pg.environments.record import Environment

Stages = Annotated[dict[Name, Fraction], Field(min_length=1)]


class Seeds(Record):
    """Which seeds run, and how many share a job. Fewer, larger jobs are faster; the rows are the same."""

    count: PositiveInt = Field(description="Number of seeds.")
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="The first seed.")
    per_job: PositiveInt = Field(default=10, description="Seeds trained together in one job.")

    @property
    def end(self) -> int:
        """The first number behind the last seed."""
        return self.first + self.count

    def within(self, others: Seeds) -> bool:
        """Tell whether others have all of these seeds."""
        return others.first <= self.first and self.end <= others.end

    def __str__(self) -> str:
        """Write the seeds as they are spoken of."""
        return f"{self.first} to {self.end - 1}"


class SharedSeeds(Record):
    """The seeds of experiments that declare none, or not all of `count`, `first` and `per_job`."""

    train: Seeds | None = Field(default=None, description="Seeds of experiments that train.")
    measure: Seeds | None = Field(default=None, description="Seeds of all other experiments.")


class Budget(Record):
    """When a run ends: whichever comes first."""

    steps: PositiveInt = Field(description="Environment steps per seed; a run ends after the batch that reaches it.")
    max_iterations: PositiveInt | None = Field(default=None, description="Batches per seed.")


class Tuning(Record):
    """How learning rates are chosen: every rate of the grid on its own stream of seeds, by area under the curve."""

    grid: SomeDistinct[PositiveFloat] = Field(description="Learning rates tried.")
    seeds: PositiveInt = Field(description="Tuning seeds per rate, a stream apart from the evaluation's seeds.")


class Evaluate(Record):
    """Whole episodes of the present policy, apart from the batches that it learns from and outside of the budget."""

    every_steps: PositiveInt = Field(
        description="An evaluation before the first update, and after each in which the steps pass a multiple of this."
    )
    episodes: PositiveInt = Field(description="Episodes per evaluation.")
    horizon: PositiveInt | None = Field(
        default=None, description="Steps after which an evaluated episode ends. Default: the environment's horizon."
    )
    deterministic: bool = Field(
        default=True, description="Take the most likely action, or a Gaussian's mean; otherwise sample, as in training."
    )
    passed_at: float | None = Field(
        default=None,
        description="Return that every episode of an evaluation must reach to pass. "
        "Default: the environment's threshold.",
    )

    def judged_in(self, environment: Environment) -> Environment:
        """Return the environment as evaluations meet it: the same, for as long as they last."""
        return environment if self.horizon is None else environment.model_copy(update={"horizon": self.horizon})


class ExperimentBase(Record):
    """What every kind of experiment declares."""

    environments: SomeDistinct[Name] = Field(description="Names of environments.")
    variants: SomeDistinct[Name] = Field(description="Names of variants.")
    seeds: Seeds = Field(description="Which seeds run.")
    sweep: dict[str, SomeDistinct[Any]] = Field(
        default={},
        description="Maps dotted paths (variant.batch, environment.horizon, ...) to lists of values; lists cross.",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_are_tuples(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("sweep"), dict):
            levels = {
                path: tuple(values) if isinstance(values, list) else values for path, values in value["sweep"].items()
            }
            return {**value, "sweep": levels}
        return value


class TrainExperiment(ExperimentBase):
    """Trains every variant in every environment over many seeds."""

    kind: Literal["train"] = Field(description="Trains policies and logs every iteration.")
    budget: Budget = Field(description="When a run ends.")
    snapshots: Stages = Field(
        default={"initial": 0.0, "middle": 0.5, "late": 1.0},
        description="Stages at which policies are kept, as fractions of the step budget.",
    )
    tuning: Tuning | None = Field(default=None, description="Needed where a variant's learning rate is tuned.")
    evaluate: Evaluate | None = Field(default=None, description="How policies are judged apart from their batches.")

    @model_validator(mode="after")
    def _evaluates_more_than_once(self) -> Self:
        if self.evaluate is not None and self.evaluate.every_steps > self.budget.steps:
            raise ValueError(
                f"evaluate.every_steps: {self.evaluate.every_steps} is never reached with "
                f"budget.steps: {self.budget.steps}; allowed: 1 to {self.budget.steps}"
            )
        return self


class Source(Record):
    """Where the frozen policies of a probe come from."""

    experiment: Name = Field(description="A training experiment.")
    variant: Name = Field(description="The variant that trained the policies.")
    stages: SomeDistinct[Name] = Field(description="Names of its snapshots.")


class Sample(Record):
    """How many trajectories a probe collects from each snapshot."""

    trajectories: Annotated[int, Field(ge=4)] = Field(
        description="Trajectories shared by all estimators; cut into disjoint batches of each size."
    )
    batches: SomeDistinct[Annotated[int, Field(ge=2)]] = Field(
        description="Batch sizes N at which the estimators are measured."
    )
    reference: Annotated[int, Field(ge=32, multiple_of=16)] = Field(
        default=256,
        description="Trajectories of the first independent sample for the reference gradient; doubled while noisy. "
        "Not used where the environment has tables: there the gradient is exact.",
    )
    reference_limit: Annotated[int, Field(ge=4)] = Field(
        default=1024,
        description="Trajectories at which the reference stops growing; it is flagged if it is still noisy.",
    )
    critic_trajectories: Annotated[int, Field(ge=16, multiple_of=16)] = Field(
        default=256, description="Trajectories of one more independent sample, which value networks are fitted to."
    )

    @model_validator(mode="after")
    def _has_batches_to_compare(self) -> Self:
        for size in self.batches:
            if self.trajectories % size or self.trajectories < 2 * size:
                raise ValueError(
                    f"batches: {size} does not cut trajectories: {self.trajectories} into two or more equal batches"
                )
        if self.reference_limit < self.reference:
            raise ValueError(f"reference_limit: {self.reference_limit} is below reference: {self.reference}")
        return self


class ProbeExperiment(ExperimentBase):
    """Measures every variant's gradient estimate on the same trajectories of frozen policies."""

    kind: Literal["probe"] = Field(description="Measures gradient estimates on frozen policies.")
    source: Source = Field(description="Where the policies come from.")
    sample: Sample = Field(description="How many trajectories are collected.")


class ExactExperiment(ExperimentBase):
    """Computes every variant's expectation and variance by enumerating all batches of a small MDP."""

    kind: Literal["exact"] = Field(description="Enumerates all trajectories of small MDPs in float64.")
    source: Source | None = Field(
        default=None, description="Where the policies come from. Default: random ones, a policy per seed."
    )
    sampled_batches: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Batches drawn per policy as well, to compare sampled moments with exact ones."
    )
    limit: PositiveInt = Field(
        default=200_000, description="Largest number of enumerated batches; a larger enumeration is refused."
    )


class IdentityExperiment(ExperimentBase):
    """Checks that one backward pass gives the lecture's explicit sums, on random policies in float64."""

    kind: Literal["identity"] = Field(description="Compares the surrogate's gradient with explicit forms of it.")


class UpdateExperiment(ExperimentBase):
    """Takes single updates from frozen policies and looks at how far they went and what they did to likelihoods."""

    kind: Literal["update"] = Field(
        description="Measures what one update does to the likelihood of trajectories, and its KL divergence."
    )
    source: Source = Field(description="Where the policies come from.")
    updates: PositiveInt = Field(default=10, description="Updates per policy, each from the policy, on its own batch.")
    fresh: Annotated[int, Field(ge=2)] = Field(
        default=64, description="Trajectories that the update has not seen, on which each is judged."
    )


class SupportExperiment(ExperimentBase):
    """Weights trajectories of a behaviour policy that withholds an action, by enumeration of a small MDP."""

    kind: Literal["support"] = Field(description="Importance sampling from a proposal that withholds an action.")
    action: Annotated[int, Field(ge=0)] = Field(default=0, description="The action that the proposal withholds.")
    left: SomeDistinct[Annotated[float, Field(ge=0, lt=1)]] = Field(
        description="Probabilities that the proposal leaves to it in every state."
    )
    repetitions: PositiveInt = Field(default=1000, description="Batches sampled for the median error.")
    limit: PositiveInt = Field(default=200_000, description="Largest number of enumerated trajectories.")


class Walk(Record):
    """How a policy is moved away from the data that it has collected."""

    variant: Name = Field(description="The variant whose gradient steps are followed, with a number as learning rate.")
    steps: SomeDistinct[Annotated[int, Field(ge=0)]] = Field(
        description="Numbers of steps after which the corrections are measured; 0 is the policy itself."
    )


class StalenessExperiment(ExperimentBase):
    """Measures corrections for data of an earlier policy at each distance that a walk has gone from it."""

    kind: Literal["staleness"] = Field(description="Measures corrections along gradient steps on one batch.")
    source: Source = Field(description="Where the policies that collect the data come from.")
    walk: Walk = Field(description="How the target policies are reached.")
    sample: Sample = Field(description="Trajectories of the behaviour policy; its first batch size is the batches' N.")


class HorizonExperiment(ExperimentBase):
    """Measures importance weights against the horizon, at a policy change of one size."""

    kind: Literal["horizon"] = Field(description="Measures weights of whole trajectories and of steps against T.")
    source: Source = Field(description="Where the policies that collect the data come from.")
    horizons: SomeDistinct[PositiveInt] = Field(description="Lengths T at which trajectories are cut off.")
    kl: PositiveFloat = Field(description="Mean KL divergence of the random change of policy, the same for every T.")
    trajectories: Annotated[int, Field(ge=4)] = Field(default=512, description="Trajectories per policy.")


class GaitExperiment(ExperimentBase):
    """Watches humanoids walk and fall: the policies that its one variant has trained, at each stage."""

    kind: Literal["gait"] = Field(description="Counts falls and steps of MuJoCo humanoids, and records poses.")
    source: Source = Field(description="Where the policies come from; `variants` names the same variant.")
    episodes: PositiveInt = Field(default=16, description="Episodes per policy.")
    frames: Annotated[int, Field(ge=2)] = Field(
        default=8, description="Poses kept of each policy's first episode, evenly spaced from its start to its end."
    )


Experiment = Annotated[
    TrainExperiment
    | ProbeExperiment
    | ExactExperiment
    | IdentityExperiment
    | UpdateExperiment
    | SupportExperiment
    | StalenessExperiment
    | HorizonExperiment
    | GaitExperiment,
    Field(discriminator="kind"),
]
