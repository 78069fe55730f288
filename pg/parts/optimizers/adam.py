"""Adaptive moment estimation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pg.parts.optimizers.base import Optimizer

if TYPE_CHECKING:
    import torch


class Adam(Optimizer):
    r"""Adam with $\beta = (0.9, 0.999)$ and $\epsilon = 10^{-8}$.

    Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    name: str = "adam"
    label: ClassVar[str | None] = ""

    def over(self, parameters: Iterable[torch.Tensor], learning_rate: float) -> torch.optim.Optimizer:
        """Return torch's Adam."""
        import torch

        return torch.optim.Adam(parameters, lr=learning_rate, maximize=True, fused=True)
