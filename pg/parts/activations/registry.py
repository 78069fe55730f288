"""The built-in activations. Their registry is separate, because other parts have an activation as an option."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from pg.parts.activations.base import Activation
from pg.parts.activations.elu import Elu
from pg.parts.activations.relu import Relu
from pg.parts.activations.tanh import Tanh
from pg.parts.part import one_of

ACTIVATIONS: tuple[type[Activation], ...] = (Tanh, Relu, Elu)

AnyActivation = Annotated[SerializeAsAny[Activation], one_of(Activation, ACTIVATIONS)]
