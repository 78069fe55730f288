r"""What is subtracted from the return before it weights a log-likelihood.

Each baseline keeps the axes on which it varies and has length 1 on the others. One that trajectory $i$'s own rewards do
not enter leaves the expectation of the gradient at $\nabla J$; the two in-sample averages scale it by $1 - 1/N$.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ScoreProducts:
    r"""What the variance-optimal constant is made of, with $A = \sum_t \psi_t W_t$ and $B = \sum_t \psi_t$.

    Here $\psi_t = \nabla \log \pi(a_t \mid s_t)$, and $W_t$ is the return that weights it.

    Attributes
    ----------
    weighted
        (S, N), $\langle A_i, B_i \rangle$.
    squared
        (S, N), $\lVert B_i \rVert^2$.
    """

    weighted: Float[Tensor, "S N"]
    squared: Float[Tensor, "S N"]


def average_reward(total_returns: Float[Tensor, "S N"]) -> Float[Tensor, "S 1 1"]:
    r"""Average the returns of the batch, $b = \frac{1}{N} \sum_i R_i$.

    Parameters
    ----------
    total_returns
        (S, N), $R_i$, also where the gradient is weighted by rewards-to-go.

    Notes
    -----
    The lecture's section "Introducing baselines". A trajectory's own return enters its baseline:
    $\mathbb{E}[\hat g] = (1 - 1/N) \nabla J$, for discounted returns only where they are total ones.
    """
    return total_returns.mean(-1)[:, None, None]


def leave_one_out(total_returns: Float[Tensor, "S N"]) -> Float[Tensor, "S N 1"]:
    r"""Average the returns of the other trajectories, $b_i = \frac{1}{N-1} \sum_{j \ne i} R_j$.

    Parameters
    ----------
    total_returns
        (S, N), $R_i$, N at least 2.

    Notes
    -----
    Kool, van Hoof & Welling 2019, "Buy 4 REINFORCE samples, get a baseline for free!". $\mathbb{E}[\hat g] = \nabla J$.
    """
    return _mean_of_others(total_returns).unsqueeze(-1)


def per_step(returns: Float[Tensor, "S N T"]) -> Float[Tensor, "S 1 T"]:
    r"""Average what weights the batch's log-likelihoods at each step, $b_t = \frac{1}{N} \sum_i G_{i,t}$.

    Parameters
    ----------
    returns
        (S, N, T), $G_{i,t}$, zero behind the end: finished trajectories count as 0 and stay in N.

    Notes
    -----
    $\mathbb{E}[\hat g] = (1 - 1/N) \nabla J$. Averaging over the trajectories still alive instead would make the factor
    depend on their number.
    """
    return returns.mean(1, keepdim=True)


def per_step_leave_one_out(returns: Float[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    r"""Average what weights the others' log-likelihoods, $b_{i,t} = \frac{1}{N-1} \sum_{j \ne i} G_{j,t}$.

    Parameters
    ----------
    returns
        (S, N, T), $G_{i,t}$, zero behind the end; N at least 2.

    Notes
    -----
    $\mathbb{E}[\hat g] = \nabla J$.
    """
    return _mean_of_others(returns)


def optimal(products: ScoreProducts) -> Float[Tensor, "S N 1"]:
    r"""Estimate the constant of least variance from the other trajectories.

    $b_i = \sum_{j \ne i} \langle A_j, B_j \rangle \big/ \sum_{j \ne i} \lVert B_j \rVert^2$, and 0 where all scores of
    the others vanish.

    Parameters
    ----------
    products
        Score products of the batch, (S, N), N at least 2.

    Notes
    -----
    $b^* = \mathbb{E}\langle A, B \rangle / \mathbb{E}\lVert B \rVert^2$ minimises $\operatorname{tr Cov}(A - bB)$; with
    total returns it is $\mathbb{E}[R \lVert B \rVert^2] / \mathbb{E}\lVert B \rVert^2$, after Greensmith, Bartlett &
    Baxter 2004, section 4. $\mathbb{E}[\hat g] = \nabla J$.
    """
    # The others are summed without the trajectory itself: taking it off the whole sum would leave rounding errors of
    # its own size, and their quotient, where the others' scores nearly vanish.
    count = products.squared.shape[-1]
    others = 1 - torch.eye(count, dtype=products.squared.dtype, device=products.squared.device)
    weighted, squared = products.weighted @ others, products.squared @ others
    return torch.where(squared > 0, weighted / squared, 0).unsqueeze(-1)


def standardisation(
    advantages: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]
) -> tuple[Float[Tensor, "S 1 1"], Float[Tensor, "S 1 1"]]:
    """Return what advantages are shifted and divided by for mean 0 and standard deviation 1 over a batch's steps.

    Parameters
    ----------
    advantages
        (S, N, T).
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    tuple
        Mean and standard deviation of each batch; the latter is infinite where all advantages are equal, so that
        nothing is left of them.
    """
    batch = (1, 2)
    steps = mask.sum(batch, keepdim=True)
    mean = (advantages * mask).sum(batch, keepdim=True) / steps
    deviation = (((advantages - mean) * mask).square().sum(batch, keepdim=True) / steps).sqrt()
    # Equality is asked of the advantages themselves: their computed deviation from their mean may be a rounding error.
    lowest = advantages.where(mask, torch.inf).amin(batch, keepdim=True)
    highest = advantages.where(mask, -torch.inf).amax(batch, keepdim=True)
    return mean, torch.where(highest > lowest, deviation, torch.inf)


def _mean_of_others(values: Float[Tensor, "S N *T"]) -> Float[Tensor, "S N *T"]:
    return (values.sum(1, keepdim=True) - values) / (values.shape[1] - 1)
