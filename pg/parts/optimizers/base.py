"""The base class of optimizers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat

from pg.parts.part import Part

if TYPE_CHECKING:
    import torch


class Optimizer(Part):
    """An optimizer that ascends along the gradient."""

    learning_rate: PositiveFloat | Literal["tuned"] = Field(
        default="tuned", description="A number, or 'tuned' to choose it on the experiment's tuning grid."
    )

    @abstractmethod
    def over(self, parameters: Iterable[torch.Tensor], learning_rate: float) -> torch.optim.Optimizer:
        """Return a torch optimizer that maximises, with a learning rate that is declared or tuned."""
