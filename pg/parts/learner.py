"""Options of the networks: the policy's and the critic's."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.record import Record
from pg.parts.activations.registry import AnyActivation
from pg.parts.activations.tanh import Tanh


class Policy(Record):
    """A multilayer perceptron with a categorical or a Gaussian head, as the actions ask for."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the policy linear."
    )
    activation: AnyActivation = Field(default=Tanh(), description="Activation of the hidden layers.")
    initial_std: PositiveFloat = Field(
        default=1.0, description="Initial standard deviation of a Gaussian policy, the same in every state."
    )
