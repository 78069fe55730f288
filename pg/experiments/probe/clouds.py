"""Project gradient estimates on the true gradient and on one direction across it, for pictures of their cloud."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

Estimated = Mapping[tuple[int, str], Float[Tensor, "S D"]]
"""The gradient estimates at each batch size and of each variant."""

SHOWN = 5
"""Estimates per policy, variant and batch size. The table is for a picture, which shows those of all policies."""

_DIGITS = 4
_ROUNDING = 1e-10


def clouds(estimated: Estimated, truth: Float[Tensor, " D"]) -> list[dict[str, object]]:
    r"""Return a row per estimate, with its coordinates along the true gradient and across it.

    Both are divided by $\lVert \nabla J \rVert$, so that the truth has the coordinates (1, 0). They are NaN if it is
    zero. All variants and batch sizes have the same direction across.
    """
    along = truth / truth.norm()
    across = direction_across(torch.cat([one.double() for one in estimated.values()]), along)
    rows: list[dict[str, object]] = []
    for (size, name), gradients in estimated.items():
        points = gradients.double() @ torch.stack([along, across], dim=1) / truth.norm()
        rows += [
            {"variant": name, "batch": size, "along": _rounded(x), "across": _rounded(y)} for x, y in points.tolist()
        ]
    return rows


def direction_across(gradients: Float[Tensor, "S D"], along: Float[Tensor, " D"]) -> Float[Tensor, " D"]:
    """Return the direction of the largest mean square of some gradients, of all that are perpendicular to `along`.

    Its largest component is positive. It is zero if all gradients are parallel to `along`, and NaN if one of them is
    not finite or `along` is NaN.
    """
    residuals = gradients - torch.outer(gradients @ along, along)
    if not residuals.isfinite().all():
        return torch.full_like(along, torch.nan)
    if residuals.norm() <= _ROUNDING * gradients.norm():
        return torch.zeros_like(along)
    direction = torch.linalg.svd(residuals, full_matrices=False).Vh[0]
    return direction * direction[direction.abs().argmax()].sign()


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
