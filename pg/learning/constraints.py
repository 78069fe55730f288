r"""Ways to hold the change of a policy, its mean KL divergence from where it was, below a limit δ.

They know neither trajectories nor variants: what they need comes in as functions of the policy's present parameters,
and as steps, of which one is taken each time the next is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor, nn

from pg.parts.networks import as_vector

_HALVINGS = 20
_CONJUGATE_STEPS = 10
_CONJUGATE_TOLERANCE = 1e-10
_PENALTY_BAND = 1.5
_PENALTY_CHANGE = 2.0
_PENALTY_RANGE = (1e-8, 1e8)

DAMPING = 1e-6
"""Added to the Fisher matrix's diagonal: a softmax does not notice a shift of all its logits."""

Parameters = list[Tensor]


@dataclass(slots=True)
class Penalty:
    r"""The factor β of a KL penalty, adapted after each update (Schulman et al. 2017, section 4).

    Doubled where the divergence came out above 1.5 δ, halved where it came out below δ / 1.5; never below 1e-8 nor
    above 1e8, from where it would not come back.
    """

    factor: float = 1.0

    def adapt(self, divergence: float, limit: float) -> None:
        """Take the divergence that an update ended with."""
        least, most = _PENALTY_RANGE
        if divergence > limit * _PENALTY_BAND:
            self.factor = min(self.factor * _PENALTY_CHANGE, most)
        elif divergence < limit / _PENALTY_BAND:
            self.factor = max(self.factor / _PENALTY_CHANGE, least)


def parameters_of(policy: nn.Module) -> Parameters:
    """Copy a policy's parameters, to come back to them."""
    return [parameter.detach().clone() for parameter in policy.parameters()]


def restore(policy: nn.Module, parameters: Sequence[Tensor]) -> None:
    """Give a policy back the parameters that it had."""
    with torch.no_grad():
        for parameter, former in zip(policy.parameters(), parameters, strict=True):
            parameter.copy_(former)


def stop_early(policy: nn.Module, steps: Iterable[None], is_within: Callable[[], bool]) -> float:
    """Take steps up to the first one that breaks the limit, and undo that one.

    Parameters
    ----------
    policy
        Where it collected its batch.
    steps
        Move it.
    is_within
        Tells whether the policy is within the limit where it stands.

    Returns
    -------
    float
        The number of steps that were kept.
    """
    kept, before = 0, parameters_of(policy)
    for _ in steps:
        if not is_within():
            restore(policy, before)
            break
        kept, before = kept + 1, parameters_of(policy)
    return float(kept)


def shorten(policy: nn.Module, steps: Iterable[None], is_within: Callable[[], bool]) -> float:
    """Take all steps, then halve the way that they have led until it ends within the limit.

    Parameters
    ----------
    policy, steps, is_within
        As of `stop_early`.

    Returns
    -------
    float
        The number of steps times the share of the way that was kept.
    """
    start = parameters_of(policy)
    taken = sum(1 for _ in steps)
    if is_within():
        return float(taken)
    way = [end - begin for end, begin in zip(parameters_of(policy), start, strict=True)]
    return taken * search_back(policy, start, way, is_within, longest=0.5)


def search_back(
    policy: nn.Module,
    start: Sequence[Tensor],
    direction: Sequence[Tensor],
    is_accepted: Callable[[], bool],
    longest: float = 1.0,
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
    is_accepted
        Judges the policy where it stands.
    longest
        The share of the step that is tried first.

    Returns
    -------
    float
        The share of the step that was taken: `longest` times a power of 1/2, or 0.
    """
    for halvings in range(_HALVINGS):
        length = longest / 2**halvings
        restore(policy, [begin + length * towards for begin, towards in zip(start, direction, strict=True)])
        if is_accepted():
            return length
    restore(policy, start)
    return 0.0


def natural_direction(
    policy: nn.Module, gradient: Sequence[Tensor], divergence: Callable[[], Tensor], limit: float
) -> Parameters:
    r"""Return the step of the natural gradient whose divergence is δ to second order.

    $\sqrt{2 \delta / x^\top F x} \, x$ with $F x = g$ solved by at most ten steps of conjugate gradients, F the Hessian
    of the divergence at no change: the Fisher matrix, averaged over the batch's states, with `DAMPING` on its diagonal.

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

    Returns
    -------
    list of Tensor
        One per parameter; all zero where the gradient is.

    Notes
    -----
    Schulman et al. 2015, "Trust region policy optimization", appendix C. After any number of conjugate steps
    $x^\top F x = x^\top g$, which unlike the left side cannot come out negative by rounding.
    """
    parameters = list(policy.parameters())
    flat = as_vector(gradient)
    if not flat.any():
        return [torch.zeros_like(parameter) for parameter in parameters]
    solved = torch.as_tensor(_solve(_fisher_product(parameters, divergence()), flat.cpu().numpy())).to(flat)
    return _like(parameters, solved * (2 * limit / (solved @ flat)) ** 0.5)


def _fisher_product(
    parameters: Sequence[Tensor], divergence: Tensor
) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    """Return the product of the damped Fisher matrix with a vector, as a function of the vector."""
    slopes = as_vector(torch.autograd.grad(divergence, parameters, create_graph=True))

    def product(vector: NDArray[np.floating]) -> NDArray[np.floating]:
        towards = torch.as_tensor(vector.reshape(-1)).to(slopes)
        curved = torch.autograd.grad(slopes @ towards, parameters, retain_graph=True)
        return (as_vector(curved) + DAMPING * towards).cpu().numpy()

    return product


def _solve(
    product: Callable[[NDArray[np.floating]], NDArray[np.floating]], right: NDArray[np.floating]
) -> NDArray[np.floating]:
    operator = LinearOperator((len(right), len(right)), matvec=product, dtype=right.dtype)
    solved, _ = cg(operator, right, rtol=_CONJUGATE_TOLERANCE, maxiter=_CONJUGATE_STEPS)
    return solved


def _like(parameters: Sequence[Tensor], flat: Tensor) -> Parameters:
    pieces = flat.split([parameter.numel() for parameter in parameters])
    return [piece.reshape(parameter.shape) for piece, parameter in zip(pieces, parameters, strict=True)]
