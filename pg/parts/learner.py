"""Options of the policy's network."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.record import Record
from pg.parts.activations.registry import AnyActivation
from pg.parts.activations.tanh import Tanh


class Policy(Record):
    """A multilayer perceptron with a categorical head for discrete actions, or a Gaussian one for real actions."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the policy linear."
    )
    activation: AnyActivation = Field(default=Tanh(), description="Activation of the hidden layers.")
    initial_std: PositiveFloat = Field(
        default=1.0, description="Initial standard deviation of a Gaussian policy, the same in every state."
    )
