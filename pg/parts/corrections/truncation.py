"""Importance weights cut at a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def truncated(weights: Float[Tensor, "S N #T"], limit: float) -> Float[Tensor, "S N #T"]:
    r"""Cut weights at a limit, $\min(w, c)$ with $c \ge 1$, which lowers the variance for some bias.

    Notes
    -----
    Ionides 2008, "Truncated importance sampling", Journal of Computational and Graphical Statistics 17.
    """
    return weights.clamp(max=limit)
