"""The base class of optimizers."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat

from pg.parts.part import Part

if TYPE_CHECKING:
    import torch

    from pg.learning.updates import Ascent, Minibatch
    from pg.parts.annotations import Float, Tensor, Variant


class Optimizer(Part):
    """An optimizer that ascends along the gradient."""

    learning_rate: PositiveFloat | Literal["tuned"] = Field(
        default="tuned", description="A number, or 'tuned' to choose it on the experiment's tuning grid."
    )

    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant",
        description="'linear': the learning rate falls evenly to 0 at the end of the budget; 'cosine': it falls to 0 "
        "along half a period of a cosine.",
    )
    clip_norm: PositiveFloat | None = Field(
        default=None, description="A gradient with a larger norm is scaled down to this one."
    )

    def clipped(self, gradient: Float[Tensor, " D"]) -> Float[Tensor, " D"]:
        r"""Return $\min(1, c / \lVert g \rVert) \, g$; g itself without `clip_norm` c.

        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
        """
        return gradient if self.clip_norm is None else gradient * (self.clip_norm / gradient.norm()).clamp(max=1)

    def direction(self, ascent: Ascent, minibatch: Minibatch, penalty: float) -> Float[Tensor, " D"]:
        """Return what the torch optimizer takes as the gradient of an update in progress: the gradient, clipped."""
        return self.clipped(ascent.gradient(minibatch, penalty))

    def rate(self, learning_rate: float, spent: float) -> float:
        r"""Return the learning rate after a share x of the budget is spent.

        It is $\alpha (1 - x)$ if it falls linearly, and $\alpha (1 + \cos \pi x) / 2$ along a cosine.

        Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5 without restarts.
        """
        x = min(spent, 1.0)
        shares = {"constant": 1.0, "linear": 1 - x, "cosine": (1 + math.cos(math.pi * x)) / 2}
        return learning_rate * shares[self.schedule]

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Write the schedule, and how a gradient is clipped."""
        share = {"constant": "", "linear": "(1 - x)", "cosine": r"\frac{1 + \cos \pi x}{2}"}[self.schedule]
        after = r"\text{the learning rate after a share } x \text{ of the budget}"
        falls = rf"\alpha_x = \alpha \, {share} \quad {after}"
        clipped = rf"g \leftarrow \min(1, {self.clip_norm or 0:g} / \Vert g \Vert) \, g \quad \text{{each gradient}}"
        return (*([falls] if share else []), *([clipped] if self.clip_norm is not None else []))

    @abstractmethod
    def over(self, parameters: Iterable[torch.Tensor], learning_rate: float) -> torch.optim.Optimizer:
        """Return a torch optimizer that maximises, with a learning rate that is declared or tuned."""
