"""Records of an environment in a study file: its id, its reward options and its observation options."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pg.core.record import Record

Paid = Literal["when_earned", "at_end", "terminal_only"]


class Rewards(Record):
    """Transformation of rewards: scale and offset, then shaping, then the time of payment, then normalisation."""

    offset: float = Field(default=0.0, description="Added to the reward of every step, after scaling.")
    scale: PositiveFloat = Field(default=1.0, description="Multiplies the reward of every step.")
    shaping: Annotated[tuple[float, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Potentials Φ, one per state of a table: a step from s to s' is paid Φ(s') − Φ(s) as well, with "
        "Φ = 0 once the trajectory has ended.",
    )
    paid: Paid = Field(
        default="when_earned",
        description="When rewards are paid: at_end pays a trajectory's sum of rewards with its last step; "
        "terminal_only pays only the last step's own reward, which changes the objective.",
    )
    normalise: bool = Field(
        default=False,
        description="Divide the rewards of a batch by the running standard deviation of the seed's discounted returns "
        "R_t = γ R_{t-1} + r_t, over the steps of all batches so far. In training alone: measurements refuse it.",
    )
    normalise_discount: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.99, description="γ of the discounted returns that `normalise` divides by the deviation of."
    )

    @model_validator(mode="after")
    def _is_meaningful(self) -> Self:
        if self.shaping is not None and self.paid == "terminal_only":
            raise ValueError(
                "shaping with paid: terminal_only does not cancel the last potential; "
                "allowed: paid: when_earned or at_end"
            )
        return self


class Observations(Record):
    """Transformation of observations: components hidden, then several steps stacked, then scaled."""

    hide: tuple[Annotated[int, Field(ge=0)] | str, ...] = Field(
        default=(),
        description="Components that the policy does not see: their indices, or their names if they have any.",
    )
    stack: PositiveInt = Field(
        default=1,
        description="Number of latest observations that the policy sees, oldest first; zeros before the start.",
    )
    normalise: bool = Field(
        default=False,
        description="Scale every component by the mean and standard deviation of the seed's observations in earlier "
        "batches.",
    )


class Environment(Record):
    """One environment with its reward and observation options."""

    resolved_keys: ClassVar[tuple[str, ...]] = ("joins",)

    id: str = Field(description="A gymnasium id, or module:id to import a module that registers it first.")
    kwargs: dict[str, Any] = Field(default={}, description="Keyword arguments of the environment's constructor.")
    horizon: PositiveInt | None = Field(
        default=None, description="Steps after which a trajectory ends. Default: the environment's own limit."
    )
    threshold: float | None = Field(default=None, description="Mean return at which the environment counts as solved.")
    failed_below: float | None = Field(
        default=None,
        description="Mean return below which a run has failed: between the random policy's and the threshold.",
    )
    rewards: Rewards = Field(
        default=Rewards(),
        description="Transformation of rewards for learning. Logged returns and the threshold use the original ones.",
    )
    observations: Observations = Field(default=Observations(), description="Transformation of observations.")
    label: str | None = Field(
        default=None,
        description="Name in figures and tables of the report. Default: the id, or the key if the id is taken.",
    )

    @property
    def physics(self) -> Environment:
        """The environment without its levels and label, which do not affect a run."""
        return self.model_copy(update={"threshold": None, "failed_below": None, "label": None})

    @model_validator(mode="after")
    def _fails_below_its_threshold(self) -> Self:
        failed, solved = self.failed_below, self.threshold
        if failed is not None and solved is not None and failed >= solved:
            raise ValueError(f"failed_below: {failed:g} is not below threshold: {solved:g}")
        return self
