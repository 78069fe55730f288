"""The records that a study file is made of.

Every record is frozen and knows its own legal values; what needs two records, or a registry, is checked in
`pg.study.validation`. The JSON schema that editors complete from is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Stages = Annotated[dict[Name, Fraction], Field(min_length=1)]

Returns = Literal["total", "to_go", "gae"]
Baseline = Literal[
    "none",
    "constant",
    "average_reward",
    "leave_one_out",
    "per_step",
    "per_step_leave_one_out",
    "optimal",
    "value_network",
    "exact",
]
Importance = Literal["none", "trajectory", "per_decision", "per_step", "exact_state"]
HoldBy = Literal["early_stop", "penalty", "line_search", "natural_gradient"]
Direction = Literal["new_old", "old_new"]
OF_THE_STATE = ("value_network", "exact")
FROM_THE_BATCH = ("average_reward", "leave_one_out", "per_step", "per_step_leave_one_out", "optimal")
Paid = Literal["when_earned", "at_end", "terminal_only"]
Statistic = Literal["final_return", "area", "steps_to_threshold", "solved", "collapsed"]


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    # A dump is read back: it has the keys of the file, also where Python keeps a word for itself.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        # YAML knows lists only; a frozen record holds tuples.
        if not isinstance(value, dict):
            return value
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}


class Rewards(Record):
    """What a policy is paid for what it earns: scaled and shifted, then shaped, then paid now or later."""

    offset: float = Field(default=0.0, description="Added to the reward of every step, after scaling.")
    scale: PositiveFloat = Field(default=1.0, description="Multiplies the reward of every step.")
    shaping: Annotated[tuple[float, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Potentials Φ, one per state of a table: a step from s to s' is paid Φ(s') − Φ(s) as well, with "
        "Φ = 0 once the trajectory has ended.",
    )
    paid: Paid = Field(
        default="when_earned",
        description="When: at_end pays the sum of a trajectory's rewards with its last step; terminal_only pays the "
        "last step's own reward and no other, which is another objective.",
    )

    @model_validator(mode="after")
    def _is_meaningful(self) -> Self:
        if self.shaping is not None and self.paid == "terminal_only":
            raise ValueError(
                "shaping with paid: terminal_only leaves potentials that no later step takes back; "
                "allowed: paid: when_earned or at_end"
            )
        return self


class Observations(Record):
    """What a policy sees of what there is to see: some components hidden, then several steps stacked, then scaled."""

    hide: tuple[Annotated[int, Field(ge=0)] | str, ...] = Field(
        default=(), description="Components that the policy does not see: their numbers, or names where they have any."
    )
    stack: PositiveInt = Field(
        default=1, description="Observations seen at once: the last so many, oldest first; zeros before the start."
    )
    normalise: bool = Field(
        default=False,
        description="Scale every component by the mean and standard deviation of what the seed has seen in earlier "
        "batches.",
    )


class Environment(Record):
    """One environment, as policies meet it."""

    id: str = Field(description="A gymnasium id, or module:id to import a module that registers it first.")
    kwargs: dict[str, Any] = Field(default={}, description="Keyword arguments of the environment's constructor.")
    horizon: PositiveInt | None = Field(
        default=None, description="Steps after which a trajectory ends. Default: the environment's own limit."
    )
    threshold: float | None = Field(default=None, description="Mean return at which the environment counts as solved.")
    rewards: Rewards = Field(
        default=Rewards(),
        description="What a policy is paid. Logged returns and the threshold stay the environment's own.",
    )
    observations: Observations = Field(default=Observations(), description="What a policy sees.")
    label: str | None = Field(default=None, description="Name in figures and tables of the report. Default: the id.")


class Policy(Record):
    """A multilayer perceptron with a categorical or a Gaussian head, as the actions ask for."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the policy linear."
    )
    activation: Literal["tanh", "relu", "elu"] = Field(default="tanh", description="Activation of the hidden layers.")
    initial_std: PositiveFloat = Field(
        default=1.0, description="Initial standard deviation of a Gaussian policy, the same in every state."
    )


class Critic(Record):
    """A value network, a multilayer perceptron on what the policy sees, and how it is fitted."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the values linear."
    )
    activation: Literal["tanh", "relu", "elu"] = Field(default="tanh", description="Activation of the hidden layers.")
    learning_rate: PositiveFloat = Field(default=0.01, description="Of Adam, on the mean squared error.")
    fit_steps: PositiveInt = Field(
        default=20, description="Steps on the whole batch, after the policy has been updated on it."
    )


class Optimizer(Record):
    """How a gradient becomes a step."""

    name: Literal["adam", "sgd"] = Field(default="adam", description="torch.optim's Adam or plain SGD.")
    learning_rate: PositiveFloat | Literal["tuned"] = Field(
        default="tuned", description="A number, or 'tuned' to choose it on the experiment's tuning grid."
    )


class KL(Record):
    """A limit on the divergence between the policies before and after an update, and how it is held."""

    limit: PositiveFloat = Field(description="δ, the largest mean KL divergence over the batch's states.")
    hold_by: HoldBy = Field(
        description="Undo the step that breaks it, penalise it, shorten the step, or take the natural gradient."
    )
    direction: Direction = Field(default="new_old", description="KL(π_θ'‖π_θ), as in the lecture, or KL(π_θ‖π_θ').")


class Demonstrator(Record):
    """The trained policies that a variant imitates: snapshots of one stage, each for the seeds that it falls to."""

    experiment: Name = Field(description="A training experiment without a sweep.")
    variant: Name = Field(description="The variant that trained the policies.")
    stage: Name = Field(description="Name of its snapshots.")


class Clone(Record):
    """Behaviour cloning of a demonstrator before the first batch: its steps count as the imitator's own."""

    clone: Demonstrator | None = Field(
        default=None, description="Snapshots that demonstrate; seed i is shown by seed i modulo their count."
    )
    controller: str | None = Field(default=None, description="Name of a heuristic controller that demonstrates.")
    demonstrations: Annotated[int, Field(ge=2)] = Field(description="Trajectories that each seed is shown.")
    validation_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.2, description="Share of the trajectories that the policy is not fitted to but judged by."
    )
    epochs: PositiveInt = Field(
        default=100, description="Steps of Adam, each on all trajectories fitted to; the best on the others is kept."
    )
    learning_rate: PositiveFloat = Field(default=0.01, description="Of Adam while the policy is fitted.")

    @property
    def validated(self) -> int:
        """Number of trajectories that the policy is judged by."""
        return round(self.validation_share * self.demonstrations)

    @model_validator(mode="after")
    def _has_a_demonstrator_and_trajectories_of_both_sorts(self) -> Self:
        if (self.clone is None) == (self.controller is None):
            raise ValueError("give exactly one of clone and controller; null drops an inherited one")
        if not 0 < self.validated < self.demonstrations:
            raise ValueError(
                f"validation_share: {self.validation_share} leaves {self.validated} of demonstrations: "
                f"{self.demonstrations} to judge by; both sorts need a whole trajectory"
            )
        return self


def _sort_of_start(start: Any) -> str:
    return "in words" if isinstance(start, str) else "by imitation"


Start = Annotated[
    Annotated[Clone, Tag("by imitation")] | Annotated[Literal["random"], Tag("in words")],
    Discriminator(_sort_of_start),
]


class Variant(Record):
    """A policy-gradient estimator and its learner, composed of parts."""

    label: str | None = Field(default=None, description="Name in figures and the report. Default: the variant's key.")
    returns: Returns = Field(
        default="to_go",
        description="What weights each log-likelihood: the total return of its trajectory, the rewards to go, or the "
        "λ-return, which less the value is generalised advantage estimation.",
    )
    lambda_: Fraction | None = Field(
        default=None,
        alias="lambda",
        description="λ of returns: gae: 1 sums all rewards to go, 0 puts the next state's value in their place.",
    )
    discount: Annotated[float, Field(gt=0, le=1)] = Field(default=1.0, description="Discount factor γ of the returns.")
    discount_states: bool = Field(default=False, description="Weight step t by γ^t as well (discount < 1 only).")
    bootstrap_at_truncation: bool = Field(
        default=False,
        description="Count what follows the horizon by the value network (gae, discount < 1). "
        "Default: the horizon ends the return.",
    )
    baseline: Baseline = Field(
        default="none",
        description="What is subtracted from the return: see the table of baselines in the documentation.",
    )
    constant: float | None = Field(default=None, description="The number that baseline: constant subtracts.")
    normalise_advantages: bool = Field(
        default=False, description="Scale advantages to mean 0 and standard deviation 1 over the batch's steps."
    )
    importance: Importance = Field(
        default="none", description="How data of an earlier policy are weighted; 'none' uses them as they are."
    )
    future_correction: bool = Field(
        default=False, description="Weight later rewards by the product of later ratios (per_step, exact_state)."
    )
    self_normalised: bool = Field(default=False, description="Scale importance weights to a mean of 1.")
    truncate_at: Annotated[float, Field(ge=1)] | None = Field(
        default=None, description="Largest importance weight; larger ones are cut, before they are normalised."
    )
    clip: PositiveFloat | None = Field(default=None, description="ε of PPO's clipped surrogate (per_step).")
    gradient_steps: PositiveInt = Field(default=1, description="K, passes over each batch.")
    minibatches: PositiveInt = Field(
        default=1, description="M, equal parts of whole trajectories that a pass takes a step on each."
    )
    kl: KL | None = Field(default=None, description="A limit on how far an update may move the policy.")
    batch: PositiveInt = Field(default=16, description="N, trajectories per batch.")
    optimizer: Optimizer = Field(default=Optimizer(), description="How a gradient becomes a step.")
    policy: Policy = Field(default=Policy(), description="The policy's network.")
    initialise: Start = Field(
        default="random", description="What a policy is before its first batch: random, or fitted to demonstrations."
    )
    critic: Critic | None = Field(
        default=None, description="The value network of baseline: value_network. Default: its own defaults."
    )

    @model_validator(mode="after")
    def _is_meaningful(self) -> Self:
        if self.discount_states and self.discount == 1:
            raise ValueError("discount_states: true changes nothing with discount 1; set discount below 1")
        if self.discount_states and self.returns == "total":
            raise ValueError(
                "discount_states: true needs returns: to_go; a discounted total return already counts from step 0"
            )
        if (self.baseline == "constant") != (self.constant is not None):
            raise ValueError("baseline: constant and constant: <number> go together")
        if self.baseline in FROM_THE_BATCH and self.batch < 2:
            raise ValueError(f"baseline: {self.baseline} is made from the batch and needs batch: 2 or more")
        for reason in (
            *self._values_without_meaning(),
            *self._corrections_without_meaning(),
            *self._limits_without_meaning(),
        ):
            raise ValueError(reason)
        if self.normalise_advantages and self.batch < 2:
            raise ValueError("normalise_advantages: true needs batch: 2 or more to have something to scale by")
        return self

    def _values_without_meaning(self) -> Iterator[str]:
        if self.returns == "gae" and self.baseline not in OF_THE_STATE:
            yield (
                f"returns: gae is made of the states' values and needs baseline: value_network or exact, "
                f"not {self.baseline}"
            )
        if self.returns == "gae" and self.lambda_ is None:
            yield "returns: gae needs lambda: a number from 0 to 1"
        if self.returns != "gae" and self.lambda_ is not None:
            yield f"lambda: {self.lambda_:g} needs returns: gae; it weights nothing in returns: {self.returns}"
        if self.critic is not None and self.baseline != "value_network":
            yield f"critic needs baseline: value_network; baseline: {self.baseline} fits none"
        if self.bootstrap_at_truncation:
            yield from self._bootstraps_without_meaning()

    def _bootstraps_without_meaning(self) -> Iterator[str]:
        if self.returns != "gae":
            yield f"bootstrap_at_truncation: true needs returns: gae; returns: {self.returns} counts rewards alone"
        if self.discount == 1:
            yield (
                "bootstrap_at_truncation: true needs discount below 1: "
                "with discount 1 what follows the horizon has no bound"
            )
        if self.baseline == "exact":
            yield (
                "bootstrap_at_truncation: true needs baseline: value_network; "
                "exact values are those of a return that the horizon ends, and 0 there"
            )

    def _corrections_without_meaning(self) -> Iterator[str]:
        if self.importance == "per_decision" and self.returns != "to_go":
            yield "importance: per_decision needs returns: to_go; its weights belong to single rewards"
        if self.future_correction and (self.importance not in ("per_step", "exact_state") or self.returns != "to_go"):
            yield "future_correction: true needs importance: per_step or exact_state, and returns: to_go"
        if self.clip is not None and self.importance != "per_step":
            yield "clip needs importance: per_step, whose ratio it cuts"
        if self.clip is not None and (self.truncate_at or self.self_normalised or self.future_correction):
            yield "clip cuts a plain ratio: without truncate_at, self_normalised and future_correction"
        if self.importance == "none" and (self.self_normalised or self.truncate_at is not None):
            yield "self_normalised and truncate_at need an importance weight to act on"
        if self.self_normalised and self.batch < 2:
            yield "self_normalised: true needs batch: 2 or more"

    def _limits_without_meaning(self) -> Iterator[str]:
        if self.batch % self.minibatches:
            yield f"minibatches: {self.minibatches} does not cut batch: {self.batch} into equal parts"
        if self.kl is not None and self.kl.hold_by == "natural_gradient":
            if self.minibatches > 1 or self.gradient_steps > 1:
                yield "kl.hold_by: natural_gradient spends its limit in one step: gradient_steps: 1 and minibatches: 1"
            if self.optimizer.learning_rate != "tuned":
                yield "kl.hold_by: natural_gradient chooses its step by kl.limit; leave optimizer.learning_rate out"
        if self.kl is not None and self.kl.hold_by == "penalty" and self.gradient_steps == self.minibatches == 1:
            yield (
                "kl.hold_by: penalty changes nothing in a single step, where its gradient is 0; "
                "set gradient_steps or minibatches above 1"
            )


class Seeds(Record):
    """Which seeds run, and how many share a job. Fewer, larger jobs are faster; the rows are the same."""

    count: PositiveInt = Field(description="Number of seeds.")
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="The first seed.")
    per_job: PositiveInt = Field(default=10, description="Seeds trained together in one job.")


class Budget(Record):
    """When a run ends: whichever comes first."""

    steps: PositiveInt = Field(description="Environment steps per seed; a run ends after the batch that reaches it.")
    max_iterations: PositiveInt | None = Field(default=None, description="Batches per seed.")


class Tuning(Record):
    """How learning rates are chosen: every rate of the grid on its own stream of seeds, by area under the curve."""

    grid: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = Field(description="Learning rates tried.")
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

    environments: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of environments.")
    variants: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of variants.")
    seeds: Seeds = Field(description="Which seeds run.")
    sweep: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(
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
    stages: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Names of its snapshots.")


class Sample(Record):
    """How many trajectories a probe collects from each snapshot."""

    trajectories: Annotated[int, Field(ge=4)] = Field(
        description="Trajectories shared by all estimators; cut into disjoint batches of each size."
    )
    batches: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = Field(
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
    left: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)] = Field(
        description="Probabilities that the proposal leaves to it in every state."
    )
    repetitions: PositiveInt = Field(default=1000, description="Batches sampled for the median error.")
    limit: PositiveInt = Field(default=200_000, description="Largest number of enumerated trajectories.")


class Walk(Record):
    """How a policy is moved away from the data that it has collected."""

    variant: Name = Field(description="The variant whose gradient steps are followed, with a number as learning rate.")
    steps: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = Field(
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
    horizons: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        description="Lengths T at which trajectories are cut off."
    )
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

Selection = dict[str, Any]


class Family(Record):
    """Candidates of which the best is judged, in each environment the one with the best score on tuning seeds.

    A candidate's score is that of its chosen learning rate: the mean area under the curve.
    """

    best_of: Annotated[tuple[Selection, ...], Field(min_length=1)] = Field(
        description="The candidates, each a tuned variant of a training experiment at one level of its sweep."
    )


def _kind_of_side(value: Any) -> str:
    return "family" if isinstance(value, Family) or (isinstance(value, dict) and "best_of" in value) else "selection"


# Editors are told that a selection has no best_of, or a family would pass for both.
_Rows = Annotated[Selection, Tag("selection"), Field(json_schema_extra={"not": {"required": ["best_of"]}})]
Side = Annotated[Annotated[Family, Tag("family")] | _Rows, Discriminator(_kind_of_side)]


class ShareOf(Record):
    """Turns a metric m(a) into the share (m(zero) - m(a)) / (m(zero) - m(one)) of an achievable change."""

    zero: Selection = Field(description="Rows of which the share is 0.")
    one: Selection = Field(description="Rows of which the share is 1.")


class ClaimPart(Record):
    """One measurement behind a claim: a against b, or a against a number."""

    experiment: Name = Field(description="The experiment whose table holds the metric.")
    metric: str = Field(description="Name of a metric.")
    a: Side = Field(
        description="Maps table columns (variant, batch, ...) to values: the rows judged; or best_of a list of such."
    )
    b: Side | None = Field(
        default=None, description="The rows that a is compared with, seed by seed; of a family equally many candidates."
    )
    against: Name | None = Field(
        default=None, description="The experiment whose table holds b, paired by seed. Default: that of a."
    )
    reference: float | None = Field(default=None, description="The number that a is compared with.")
    relation: Literal["less", "greater", "equal", "exact"] = Field(
        description="What the claim says of a: less or greater than b, equal within the margin, or exactly so."
    )
    margin: PositiveFloat | None = Field(default=None, description="Needed by equal (margin) and exact (tolerance).")
    share_of: ShareOf | None = Field(default=None, description="Judge a share of an achievable change instead.")
    ratio_of_means: bool = Field(
        default=False,
        description="Judge the mean of a over that of b; for metrics that are never negative, as steps to threshold.",
    )
    environments: tuple[Name, ...] = Field(default=(), description="Must hold in each of these; default: in all.")
    stages: tuple[Name, ...] = Field(default=(), description="Must hold at each of these; default: at all.")

    @property
    def experiments(self) -> dict[str, str]:
        """The experiment that each side comes from, by side."""
        return {"a": self.experiment, "b": self.against or self.experiment}

    @model_validator(mode="after")
    def _has_two_sides(self) -> Self:
        if (self.b is None) == (self.reference is None):
            raise ValueError("give either b or reference")
        if self.against is not None and self.b is None:
            raise ValueError("against names the experiment of b; give b")
        if self.relation in ("equal", "exact") and self.margin is None:
            raise ValueError(f"relation: {self.relation} needs a margin")
        if self.relation in ("less", "greater") and self.margin is not None:
            raise ValueError(f"relation: {self.relation} has no margin; shift the reference instead")
        if self.share_of is not None and self.b is not None:
            raise ValueError("share_of compares with a reference, not with b")
        if self.share_of is not None and isinstance(self.a, Family):
            raise ValueError("share_of judges stated rows; give a without best_of")
        if self.ratio_of_means and (self.b is None or self.relation == "exact"):
            raise ValueError("ratio_of_means: true compares a with b in a test; give b, and a relation but exact")
        return self


class Claim(Record):
    """A sentence of the lecture and the measurements that test it."""

    statement: str = Field(description="The claim in a sentence.")
    section: str = Field(description="The section of the lecture it stands in.")
    parts: Annotated[dict[Name, ClaimPart], Field(min_length=1)] = Field(description="The measurements.")
    primary: Name = Field(description="The part that gives the verdict.")
    figure: Name = Field(description="The figure that shows it.")

    @model_validator(mode="after")
    def _primary_is_a_part(self) -> Self:
        if self.primary not in self.parts:
            raise ValueError(f"primary: {self.primary} is not one of the parts {', '.join(self.parts)}")
        return self


class Figure(Record):
    """A figure: what is drawn, from which experiment, and how wide."""

    kind: str = Field(description="Name of a figure module.")
    experiment: Name = Field(description="The experiment whose tables are drawn.")
    environments: tuple[Name, ...] = Field(default=(), description="Default: all of the experiment's.")
    variants: tuple[Name, ...] = Field(default=(), description="Default: all of the experiment's.")
    metrics: tuple[str, ...] = Field(
        default=(), description="The metrics that against_level draws; other kinds draw metrics of their own."
    )
    pooled: tuple[Name, ...] = Field(
        default=(),
        description="Further experiments whose environments are pooled with its own, in figures across them.",
    )
    width: Literal["one_column", "two_columns"] = Field(default="two_columns", description="Width on the page.")
    format: Literal["pdf", "svg"] = Field(default="pdf", description="The file for print, beside a PNG for screens.")
    section: str = Field(description="The section of the lecture it belongs to.")


class Study(Record):
    """A whole study: what `config.yaml` says."""

    name: str = Field(description="Title of the study.")
    results: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200)
    ] = Field(default="results", description="Folder that receives everything the study makes.")
    environments: Annotated[dict[Name, Environment], Field(min_length=1)] = Field(description="Named environments.")
    variants: Annotated[dict[Name, Variant], Field(min_length=1)] = Field(description="Named variants.")
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)] = Field(description="Named experiments.")
    claims: dict[Name, Claim] = Field(default={}, description="Named claims.")
    figures: dict[Name, Figure] = Field(default={}, description="Named figures.")
