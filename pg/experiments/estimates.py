"""Gradient estimates of sampled batches, compared with the true gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from pg.experiments.gradient_metrics import ratio
from pg.laboratory.reference import Reference


@dataclass(frozen=True)
class Estimates:
    r"""Independent estimates $\hat g$ from S batches; what is relative to $\nabla J$ is NaN if that is zero.

    Attributes
    ----------
    gradients
        (S, D), in float64.
    reference
        $\nabla J$, exact or from another sample.
    """

    gradients: Float[Tensor, "S D"]
    reference: Reference

    @cached_property
    def mean(self) -> Float[Tensor, " D"]:
        r"""$\bar g$, (D,)."""
        return self.gradients.mean(0)

    @cached_property
    def total_variance(self) -> float:
        r"""$\mathrm{tr\,Cov}(\hat g)$."""
        return (self.gradients - self.mean).square().sum().item() / (len(self.gradients) - 1)

    @cached_property
    def norm(self) -> float:
        r"""$\lVert \nabla J \rVert$."""
        return self.reference.gradient.norm().item()

    @property
    def relative_bias(self) -> float:
        r"""$\lVert \bar g - \nabla J \rVert / \lVert \nabla J \rVert$."""
        return ratio((self.mean - self.reference.gradient).norm().item(), self.norm)

    @property
    def relative_bias_noise(self) -> float:
        """The relative bias of an unbiased estimator, from the noise of both samples alone."""
        noise = self.total_variance / len(self.gradients) + self.reference.total_variance
        return ratio(noise**0.5, self.norm)

    @cached_property
    def along(self) -> Float[Tensor, " S"]:
        r"""$\langle \hat g, \nabla J \rangle$, (S,)."""
        return self.gradients @ self.reference.gradient

    @property
    def shrinkage(self) -> float:
        r"""$\langle \bar g, \nabla J\rangle / \lVert \nabla J \rVert^2 - 1$, the bias along the gradient."""
        return ratio(self.along.mean().item(), self.norm**2) - 1

    @property
    def cosine(self) -> float:
        r"""Mean cosine of the angle to $\nabla J$; 0 for a zero estimate, because such a batch has no direction."""
        direction = self.reference.gradient
        cosines = torch.nn.functional.cosine_similarity(self.gradients, direction.unsqueeze(0))
        return cosines.mean().item() if direction.any() else float("nan")
