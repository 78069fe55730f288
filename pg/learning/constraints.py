r"""Ways to hold the change of a policy, its mean KL divergence from where it was, below a limit δ.

They know neither trajectories nor variants: what they need comes in as functions of the policy's present parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor, nn

_HALVINGS = 20
_CONJUGATE_STEPS = 20
_CONJUGATE_TOLERANCE = 1e-10
_PENALTY_BAND = 1.5
_PENALTY_FACTOR = 2.0

DAMPING = 1e-6
"""Added to the Fisher matrix's diagonal: a softmax does not notice a shift of all its logits."""

Parameters = list[Tensor]


@dataclass(slots=True)
class Penalty:
    r"""The factor β of a KL penalty, adapted after each update (Schulman et al. 2017, section 4).

    Doubled where the divergence came out above 1.5 δ, halved where it came out below δ / 1.5.
    """

    factor: float = 1.0

    def adapt(self, divergence: float, limit: float) -> None:
        """Take the divergence that an update ended with."""
        if divergence > limit * _PENALTY_BAND:
            self.factor *= _PENALTY_FACTOR
        elif divergence < limit / _PENALTY_BAND:
            self.factor /= _PENALTY_FACTOR


def parameters_of(policy: nn.Module) -> Parameters:
    """Copy a policy's parameters, to come back to them."""
    return [parameter.detach().clone() for parameter in policy.parameters()]


def restore(policy: nn.Module, parameters: Sequence[Tensor]) -> None:
    """Give a policy back the parameters that it had."""
    move(policy, parameters, [torch.zeros_like(parameter) for parameter in parameters], 0.0)


def move(policy: nn.Module, start: Sequence[Tensor], direction: Sequence[Tensor], length: float) -> None:
    """Put a policy at start + length · direction."""
    with torch.no_grad():
        for parameter, begin, towards in zip(policy.parameters(), start, direction, strict=True):
            parameter.copy_(begin + length * towards)


def search_back(
    policy: nn.Module, start: Sequence[Tensor], direction: Sequence[Tensor], accepted: Callable[[], bool]
) -> float:
    """Halve a step until it is accepted.

    Parameters
    ----------
    policy
        Is put where the step leads; back at the start where none was accepted.
    start
        Parameters before the step.
    direction
        The whole step.
    accepted
        Judges the policy where it stands.

    Returns
    -------
    float
        The share of the step that was taken: a power of 1/2, or 0.
    """
    length = 1.0
    for _ in range(_HALVINGS):
        move(policy, start, direction, length)
        if accepted():
            return length
        length /= 2
    restore(policy, start)
    return 0.0


def natural_direction(
    policy: nn.Module, gradient: Sequence[Tensor], divergence: Callable[[], Tensor], limit: float
) -> Parameters:
    r"""Return the step of the natural gradient whose divergence is δ to second order.

    $\sqrt{2 \delta / x^\top F x} \, x$ with $F x = g$ solved by conjugate gradients, F the Hessian of the divergence at
    no change: the Fisher matrix, averaged over the batch's states.

    Parameters
    ----------
    policy
        Where it collected its batch.
    gradient
        g, one tensor per parameter.
    divergence
        Mean KL divergence between the policy at its present parameters and itself frozen, differentiable twice.
    limit
        δ.

    Notes
    -----
    Schulman et al. 2015, "Trust region policy optimization", appendix C.
    """
    parameters = list(policy.parameters())
    slopes = _flat(torch.autograd.grad(divergence(), parameters, create_graph=True))

    def fisher_product(vector: NDArray[np.floating]) -> NDArray[np.floating]:
        towards = torch.as_tensor(vector.reshape(-1), dtype=slopes.dtype)
        product = torch.autograd.grad(slopes @ towards, parameters, retain_graph=True)
        return (_flat(product) + DAMPING * towards).numpy()

    flat = _flat(gradient)
    if not flat.any():
        return [torch.zeros_like(parameter) for parameter in parameters]
    operator = LinearOperator((len(flat), len(flat)), matvec=fisher_product, dtype=flat.numpy().dtype)
    solved, _ = cg(operator, flat.numpy(), rtol=_CONJUGATE_TOLERANCE, maxiter=_CONJUGATE_STEPS)
    curvature = float(solved @ fisher_product(solved))
    return _like(parameters, torch.as_tensor(solved) * (2 * limit / curvature) ** 0.5)


def _flat(tensors: Sequence[Tensor]) -> Float[Tensor, " D"]:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _like(parameters: Sequence[Tensor], flat: Tensor) -> Parameters:
    pieces = flat.split([parameter.numel() for parameter in parameters])
    return [piece.reshape(parameter.shape) for piece, parameter in zip(pieces, parameters, strict=True)]
