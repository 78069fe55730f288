"""Products of matrices, on the CPU by NumPy's library: torch's takes three times as long when all processors agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def product(a: Float[Tensor, "*S n k"], b: Float[Tensor, "*S k m"]) -> Float[Tensor, "*S n m"]:
    """Return the product of two matrices, or of those with the same leading axes; differentiable any number of times.

    `pg/__init__.py` has the settings with which all processors give the same bytes.
    """
    found = _NumPyProduct.apply(a, b) if a.device.type == "cpu" else a @ b
    assert isinstance(found, Tensor)
    return found


class _NumPyProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        # Like torch, do not warn of numbers that are not finite.
        with np.errstate(all="ignore"):
            return torch.from_numpy(np.matmul(a.detach().numpy(), b.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        by_a, by_b = ctx.needs_input_grad
        return product(slopes[0], b.mT) if by_a else None, product(a.mT, slopes[0]) if by_b else None
