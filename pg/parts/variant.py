"""A variant: an estimator and its learner, composed of parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, SerializeAsAny, model_validator

from pg.core.foreign import texts_of
from pg.core.record import Record
from pg.parts.activations.registry import AnyActivation
from pg.parts.activations.tanh import Tanh
from pg.parts.baselines.base import Baseline
from pg.parts.baselines.constant import Constant
from pg.parts.baselines.none import NoBaseline
from pg.parts.corrections.base import Correction
from pg.parts.corrections.none import NoCorrection
from pg.parts.limits.base import Limit
from pg.parts.optimizers.adam import Adam
from pg.parts.optimizers.base import Optimizer
from pg.parts.part import Part, one_of
from pg.parts.registry import BASELINES, CORRECTIONS, LIMITS, OPTIMIZERS, RETURNS, STARTS, WINDOWS
from pg.parts.returns.base import Returns
from pg.parts.returns.to_go import ToGo
from pg.parts.starts.base import Start
from pg.parts.starts.random import Random
from pg.parts.windows.base import Window

AnyReturns = Annotated[SerializeAsAny[Returns], one_of(Returns, RETURNS)]
AnyBaseline = Annotated[SerializeAsAny[Baseline], one_of(Baseline, BASELINES)]
AnyCorrection = Annotated[SerializeAsAny[Correction], one_of(Correction, CORRECTIONS)]
AnyWindow = Annotated[SerializeAsAny[Window], one_of(Window, WINDOWS, default="balance")]
AnyLimit = Annotated[SerializeAsAny[Limit], one_of(Limit, LIMITS, key="hold_by")]
AnyOptimizer = Annotated[SerializeAsAny[Optimizer], one_of(Optimizer, OPTIMIZERS, default="adam")]
AnyStart = Annotated[SerializeAsAny[Start], one_of(Start, STARTS, default="clone")]


class PolicyOptions(Record):
    """A multilayer perceptron with a categorical head per discrete component of an action, or a Gaussian head."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the policy linear."
    )
    activation: AnyActivation = Field(default=Tanh(), description="Activation of the hidden layers.")
    initial_std: PositiveFloat = Field(
        default=1.0,
        description="First standard deviation of a Gaussian policy, the same in every state; its logarithm is learned.",
    )


class Variant(Record):
    """A policy-gradient estimator and its learner, composed of parts."""

    if TYPE_CHECKING:
        # A part may be given by its name or as a mapping, which type checkers cannot know.
        def __init__(self, **options: Any) -> None: ...

    moved_keys: ClassVar[Mapping[str, str]] = {
        key: f"belongs to {family} now: write {family}: {example}"
        for key, family, example in (
            ("lambda", "returns", "{name: gae, lambda: 0.95}"),
            ("bootstrap_at_truncation", "returns", "{name: gae, lambda: 0.95, bootstrap_at_truncation: true}"),
            ("constant", "baseline", "{name: constant, value: 0.5}"),
            ("critic", "baseline", "{name: value_network, hidden: [64, 64]}"),
            ("clip", "importance", "{name: per_step, clip: 0.2}"),
            ("future_correction", "importance", "{name: per_step, future_correction: true}"),
            ("self_normalised", "importance", "{name: trajectory, self_normalised: true}"),
            ("truncate_at", "importance", "{name: trajectory, truncate_at: 5}"),
        )
    }

    resolved_keys: ClassVar[tuple[str, ...]] = ("extends", "joins")

    label: str | None = Field(
        default=None,
        description="Name in figures and the report. Default: its parts in words, or its key if an earlier variant "
        "has the same parts.",
    )
    returns: AnyReturns = Field(
        default=ToGo(),
        description="What weights each log-likelihood: the total return of its trajectory, the rewards to go, or the "
        "λ-return, which minus the value is generalised advantage estimation.",
    )
    discount: Annotated[float, Field(gt=0, le=1)] = Field(default=1.0, description="Discount factor γ of the returns.")
    discount_states: bool = Field(default=False, description="Weight step t by γ^t as well (discount < 1 only).")
    baseline: AnyBaseline = Field(
        default=NoBaseline(),
        description="What is subtracted from the return: nothing; a constant; the batch's average return, with or "
        "without the trajectory's own, of whole trajectories or of each step; the constant of least variance; an "
        "average over earlier batches; the value of the state, from the environment's tables or from a network.",
    )
    normalise_advantages: bool | Literal["minibatch"] = Field(
        default=False,
        description="Scale advantages to mean 0 and standard deviation 1 over the batch's steps, or over those of each "
        "minibatch.",
    )
    entropy_bonus: NonNegativeFloat = Field(
        default=0.0,
        description="c: training also follows the gradient of c times the entropy of π(·|s), summed over the steps of "
        "a trajectory. Measurements of gradients leave it out.",
    )
    importance: AnyCorrection = Field(
        default=NoCorrection(), description="How data of an earlier policy are weighted; 'none' uses them as they are."
    )
    window: AnyWindow | None = Field(
        default=None,
        description="How many of the latest batches an update learns from, and which policies their weights divide by. "
        "Default: the newest batch.",
    )
    gradient_steps: PositiveInt = Field(default=1, description="K, passes over each batch.")
    minibatches: PositiveInt = Field(
        default=1, description="M, equal parts of whole trajectories; each pass takes one step on each."
    )
    kl: AnyLimit | None = Field(default=None, description="A limit on how far an update may move the policy.")
    batch: PositiveInt = Field(default=16, description="N, trajectories per batch.")
    optimizer: AnyOptimizer = Field(default=Adam(), description="How a gradient becomes a step.")
    policy: PolicyOptions = Field(default=PolicyOptions(), description="The policy's network.")
    initialise: AnyStart = Field(
        default=Random(),
        description="How a policy is initialised: random, with given outputs, or fitted to demonstrations.",
    )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its parts, in the order of the fields."""
        return tuple(part for _, part in self if isinstance(part, Part))

    @property
    def batches(self) -> int:
        """The number of batches that an update learns from, at most."""
        return 1 if self.window is None else self.window.batches

    @property
    def is_mean_over_trajectories(self) -> bool:
        """Whether each trajectory's term of the estimate depends on no other trajectory of its batch."""
        return not (self.baseline.made_from_batch or self.importance.made_from_batch or self.normalise_advantages)

    @property
    def without_idle_correction(self) -> Variant:
        """A variant that trains alike: without its correction if all weights are 1 in the only step of an update.

        A window of one batch is left out as well.
        """
        if self.batches > 1:
            return self
        one_step = self.gradient_steps == self.minibatches == 1
        # A subclass may have other weights, so it must declare the property itself.
        declared = "is_idle_on_policy" in vars(type(self.importance))
        changes: dict[str, Any] = {} if self.window is None else {"window": None}
        if one_step and declared and self.importance.is_idle_on_policy:
            changes["importance"] = NoCorrection()
        return self.model_copy(update=changes) if changes else self

    @property
    def chooses_its_step(self) -> bool:
        """Whether the limit on the divergence gives the length of a step, so that there is no learning rate."""
        return self.kl is not None and self.kl.chooses_step

    @property
    def is_tuned(self) -> bool:
        """Whether its learning rate is yet to be chosen on a grid."""
        return self.optimizer.learning_rate == "tuned" and not self.chooses_its_step

    @property
    def is_scheduled(self) -> bool:
        """Whether its learning rate changes along the budget of a run."""
        return self.optimizer.schedule != "constant"

    @property
    def constant_baseline(self) -> float | None:
        """The constant that is subtracted from every return, 0 without a baseline; None if weights depend on more."""
        if self.normalise_advantages or self.returns.needs_values:
            return None
        if type(self.baseline) is NoBaseline:
            return 0.0
        # Not a subclass, which may subtract something else.
        return self.baseline.value if isinstance(self.baseline, Constant) and type(self.baseline) is Constant else None

    @model_validator(mode="after")
    def _is_legal(self) -> Self:
        for reason in self._problems():
            raise ValueError(reason)
        return self

    def _problems(self) -> Iterator[str]:
        if self.discount_states and self.discount == 1:
            yield "discount_states: true changes nothing with discount 1; set discount below 1"
        if self.normalise_advantages and self.batch < 2:
            yield "normalise_advantages: true needs batch: 2 or more for a standard deviation"
        if self.normalise_advantages == "minibatch" and self.minibatches == 1:
            yield "normalise_advantages: minibatch needs minibatches: 2 or more; with one, write true"
        if self.batch % self.minibatches:
            yield f"minibatches: {self.minibatches} does not divide batch: {self.batch} into equal parts"
        for part in self.parts:
            yield from texts_of(part.problems, self)
