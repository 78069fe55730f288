"""The parts of a variant that learn: networks, steps, how far a step may go, and what a policy is at first."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

from pg.core.record import Name, Record


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
