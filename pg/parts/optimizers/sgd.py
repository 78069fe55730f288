"""Stochastic gradient ascent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pg.parts.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch


class Sgd(Optimizer):
    r"""Plain gradient ascent, $\theta + \alpha g$."""

    name: str = "sgd"
    label: ClassVar[str | None] = "SGD"

    def over(self, parameters: Iterable[torch.Tensor], learning_rate: float) -> torch.optim.Optimizer:
        """Return torch's SGD."""
        import torch

        return torch.optim.SGD(parameters, lr=learning_rate, maximize=True, fused=True)
