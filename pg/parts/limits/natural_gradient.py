"""Take one step of the natural gradient, of the length that the limit allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.limits.base import Limit, search_back

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pg.learning.updates import Ascent, Minibatch
    from pg.parts.annotations import Float, Tensor, Variant

_CONJUGATE_STEPS = 10
_CONJUGATE_TOLERANCE = 1e-10

CURVATURE_STATES = 1000
"""The Fisher matrix is averaged over at most so many of a batch's states."""

DAMPING = 1e-6
"""Added to the Fisher matrix's diagonal: a softmax does not change if all its logits are shifted."""


class NaturalGradient(Limit):
    """Take one step of the natural gradient, halved until the surrogate rises and the limit is kept.

    Schulman et al. 2015, "Trust region policy optimization", appendix C. As there, the Fisher matrix of a large batch
    is averaged over some of its states; the limit itself is checked on all of them.
    """

    name: str = Field(default="natural_gradient", alias="hold_by")
    chooses_step: ClassVar[bool] = True

    def problems(self, variant: Variant) -> Iterable[str]:
        """Refuse several steps and a learning rate."""
        if variant.minibatches > 1 or variant.gradient_steps > 1:
            yield "kl.hold_by: natural_gradient takes one step per batch; set gradient_steps: 1 and minibatches: 1"
        if variant.optimizer.schedule != "constant" or variant.optimizer.clip_norm is not None:
            yield "kl.hold_by: natural_gradient uses no optimizer; leave optimizer.schedule and optimizer.clip_norm out"
        if variant.optimizer.learning_rate != "tuned":
            yield "kl.hold_by: natural_gradient computes its step size from kl.limit; leave optimizer.learning_rate out"

    def take_steps(self, ascent: Ascent, _minibatches: Iterable[Minibatch], _state: dict[str, float], /) -> float:
        """Take the natural gradient's step instead of the optimizer's; return the share that was kept."""
        divergence = partial(ascent.differentiable_kl, most=CURVATURE_STATES)
        direction = natural_direction(ascent.theta, ascent.gradient(), divergence, self.limit)

        def is_better_within() -> bool:
            return ascent.gain() > 0 and ascent.kl() <= self.limit

        return search_back(ascent, ascent.position(), direction, is_better_within)

    def held_by(self) -> tuple[str, ...]:
        """Return the step, the gradient and the Fisher matrix."""
        step = r"\sqrt{\frac{2 \delta}{\mathbf{g}^\top F^{-1} \mathbf{g}}} \, F^{-1} \mathbf{g}"
        condition = r"\text{with the least } m \text{ that gains and keeps } \bar{D} \leq \delta"
        return (
            rf"\theta' = \theta + 2^{{-m}} {step} \quad {condition}",
            r"\mathbf{g} = \nabla_\theta J(\theta)",
            r"F = \nabla_{\theta'}^2 \bar{D} \quad \text{at } \theta' = \theta",
        )


def natural_direction(
    theta: Float[Tensor, " D"], gradient: Float[Tensor, " D"], divergence: Callable[[], Tensor], limit: float
) -> Float[Tensor, " D"]:
    r"""Return the step of the natural gradient with KL divergence δ to second order; zero if the gradient is zero.

    $\sqrt{2 \delta / x^\top F x} \, x$ with $F x = g$ (see `solved_by_fisher`).

    Parameters
    ----------
    theta, gradient, divergence
        As of `solved_by_fisher`.
    limit
        δ.

    Notes
    -----
    After any number of conjugate steps $x^\top F x = x^\top g$; rounding cannot make the right side negative.
    """
    solved = solved_by_fisher(theta, gradient, divergence)
    return solved * (2 * limit / (solved @ gradient)) ** 0.5 if gradient.any() else solved


def solved_by_fisher(
    theta: Float[Tensor, " D"], gradient: Float[Tensor, " D"], divergence: Callable[[], Tensor]
) -> Float[Tensor, " D"]:
    r"""Return x with $F x = g$, solved by at most ten steps of conjugate gradients; zero if the gradient is zero.

    F is the Hessian of the divergence at θ: the Fisher matrix averaged over the batch's states, with `DAMPING` on its
    diagonal.

    Parameters
    ----------
    theta, gradient
        θ and g.
    divergence
        Returns the mean KL divergence from θ as a function of the parameters, differentiable twice.
    """
    import torch
    from scipy.sparse.linalg import LinearOperator, cg

    if not gradient.any():
        return torch.zeros_like(gradient)
    (slopes,) = torch.autograd.grad(divergence(), theta, create_graph=True)

    def fisher_product(vector: NDArray[np.floating]) -> NDArray[np.floating]:
        towards = torch.as_tensor(vector.reshape(-1)).to(slopes)
        (curved,) = torch.autograd.grad(slopes @ towards, theta, retain_graph=True)
        return (curved + DAMPING * towards).cpu().numpy()

    right = gradient.cpu().numpy()
    fisher = LinearOperator((len(right), len(right)), matvec=fisher_product, dtype=right.dtype)
    found, _ = cg(fisher, right, rtol=_CONJUGATE_TOLERANCE, maxiter=_CONJUGATE_STEPS)
    return torch.as_tensor(found).to(gradient)
