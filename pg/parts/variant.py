"""A variant: an estimator and its learner, composed of parts, and which compositions have a meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pg.core.record import Fraction, Record
from pg.parts.learner import Critic, Policy
from pg.parts.optimizers.adam import Adam
from pg.parts.registry import AnyLimit, AnyOptimizer, AnyStart
from pg.parts.starts.random import Random

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
OF_THE_STATE = ("value_network", "exact")
FROM_THE_BATCH = ("average_reward", "leave_one_out", "per_step", "per_step_leave_one_out", "optimal")


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
        description="What is subtracted from the return: nothing; the number `constant`; the batch's average return, "
        "with or without the trajectory's own, of whole trajectories or of each step; the constant of least variance; "
        "the value of the state, from the environment's tables or as a network has learned it.",
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
    kl: AnyLimit | None = Field(default=None, description="A limit on how far an update may move the policy.")
    batch: PositiveInt = Field(default=16, description="N, trajectories per batch.")
    optimizer: AnyOptimizer = Field(default=Adam(), description="How a gradient becomes a step.")
    policy: Policy = Field(default=Policy(), description="The policy's network.")
    initialise: AnyStart = Field(
        default=Random(), description="What a policy is before its first batch: random, or fitted to demonstrations."
    )
    critic: Critic | None = Field(
        default=None, description="The value network of baseline: value_network. Default: its own defaults."
    )

    @property
    def chooses_its_step(self) -> bool:
        """Whether the limit on the divergence says how long a step is, and no learning rate does."""
        return self.kl is not None and self.kl.chooses_step

    @property
    def is_tuned(self) -> bool:
        """Whether its learning rate is yet to be chosen on a grid."""
        return self.optimizer.learning_rate == "tuned" and not self.chooses_its_step

    @model_validator(mode="after")
    def _is_meaningful(self) -> Self:
        for reason in (
            *self._advantages_without_meaning(),
            *self._values_without_meaning(),
            *self._corrections_without_meaning(),
            *self._limits_without_meaning(),
        ):
            raise ValueError(reason)
        return self

    def _advantages_without_meaning(self) -> Iterator[str]:
        if self.discount_states and self.discount == 1:
            yield "discount_states: true changes nothing with discount 1; set discount below 1"
        if self.discount_states and self.returns == "total":
            yield "discount_states: true needs returns: to_go; a discounted total return already counts from step 0"
        if (self.baseline == "constant") != (self.constant is not None):
            yield "baseline: constant and constant: <number> go together"
        if self.baseline in FROM_THE_BATCH and self.batch < 2:
            yield f"baseline: {self.baseline} is made from the batch and needs batch: 2 or more"
        if self.normalise_advantages and self.batch < 2:
            yield "normalise_advantages: true needs batch: 2 or more to have something to scale by"

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
        if self.kl is not None:
            yield from self.kl.problems(self)
