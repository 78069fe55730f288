r"""Importance weights: what data of a behaviour policy π_θ count for at a target policy π_θ'.

Everything is made from the logarithms of the ratios per step, $\log \rho_t = \log \pi_{\theta'}(a_t \mid s_t) - \log
\pi_\theta(a_t \mid s_t)$, so that products over many steps are sums until the last moment.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class NonFiniteWeights(ArithmeticError):
    """Importance weights that overflowed or are undefined, with the step at which they arose.

    Attributes
    ----------
    step
        The step t at which the first such weight arose.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"importance weights stopped being finite at step {step}")
        self.step = step


Weights = Float[Tensor, "S N #T"]


def per_step(log_ratios: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    r"""Weight step t by its own ratio, $\rho_t$.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite.

    Notes
    -----
    The lecture's section "Off-policy version of policy gradient", in its final form: the ratio of the states'
    probabilities is taken for 1. With rewards-to-go of the behaviour policy the expectation is $\sum_t \sum_s
    d_{\theta,t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$, not $\nabla J(\theta')$.
    """
    return _finite(torch.where(mask, log_ratios, -torch.inf).exp())


def exact_state(
    log_ratios: Float[Tensor, "S N T"], state_ratios: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]
) -> Float[Tensor, "S N T"]:
    r"""Weight step t by its ratio and its state's, $d_{\theta',t}(s_t) / d_{\theta,t}(s_t) \, \rho_t$.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    state_ratios
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite.

    Notes
    -----
    The lecture's section "Off-policy version of policy gradient", before the ratio of the states' probabilities is
    taken for 1. With rewards-to-go of the behaviour policy the expectation is $\sum_t \sum_s d_{\theta',t}(s) \sum_a
    \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$, with corrected ones it is $\nabla J(\theta')$.
    """
    return _finite(per_step(log_ratios, mask) * torch.where(mask, state_ratios, 0))


def per_decision(log_ratios: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    r"""Weight step t by the product of the ratios up to it, $w_{0:t} = \rho_0 \cdots \rho_t$.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite.

    Notes
    -----
    Precup, Sutton & Singh 2000, "Eligibility traces for off-policy policy evaluation": what is done after a reward
    does not change its probability, so that $\sum_t \psi'_t \sum_{t' \ge t} w_{0:t'} r_{t'}$ has expectation
    $\nabla J(\theta')$.
    """
    products = torch.where(mask, log_ratios, 0).cumsum(-1)
    return _finite(torch.where(mask, products, -torch.inf).exp())


def trajectory(log_ratios: Float[Tensor, "S N T"], mask: Bool[Tensor, "S N T"]) -> Float[Tensor, "S N 1"]:
    r"""Weight a whole trajectory by the product of its ratios, $p_{\theta'}(\tau) / p_\theta(\tau)$.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    mask
        (S, N, T), true on the steps that were taken.

    Returns
    -------
    Tensor
        (S, N, 1).

    Raises
    ------
    NonFiniteWeights
        If a weight is not finite. What a product passes through on its way to a finite one does not count.

    Notes
    -----
    The lecture's section "Importance sampling": start and transition probabilities cancel. Any estimate that is
    unbiased at the behaviour policy is unbiased for $\nabla J(\theta')$ under these weights.
    """
    products = torch.where(mask, log_ratios, 0).cumsum(-1)
    weights = products[..., -1:].exp()
    lost = ~weights.isfinite()
    if lost.any():
        raise NonFiniteWeights(int(_steps(lost & ~products.exp().isfinite())[0]))
    return weights


def future_corrected(
    rewards: Float[Tensor, "S N T"],
    log_ratios: Float[Tensor, "S N T"],
    mask: Bool[Tensor, "S N T"],
    discount: float = 1.0,
) -> Float[Tensor, "S N T"]:
    r"""Correct the reward-to-go by later ratios, $\sum_{t' \ge t} \gamma^{t'-t} \rho_{t+1} \cdots \rho_{t'} r_{t'}$.

    Parameters
    ----------
    rewards
        (S, N, T), $r_t$.
    log_ratios
        (S, N, T), $\log \rho_t$.
    mask
        (S, N, T), true on the steps that were taken.
    discount
        $\gamma$; 1 in the lecture.

    Returns
    -------
    Tensor
        (S, N, T), zero behind the end of each trajectory.

    Raises
    ------
    NonFiniteWeights
        If a corrected return is not finite. It arose at the last step with such a return: each makes use of later ones.

    Notes
    -----
    Its expectation given $s_t, a_t$ is $Q_{\theta'}$, while that of the plain reward-to-go is $Q_\theta$. Built by
    doubling as the reward-to-go is, with the logarithm of the factor that takes $G_{t+k}$ to step t carried along.
    """
    factors = _later(torch.where(mask, log_ratios, -torch.inf), 1, -torch.inf) + math.log(discount)
    to_go, reach = rewards * mask, 1
    while reach < mask.shape[-1]:
        to_go = to_go + factors.exp() * _later(to_go, reach, 0.0)
        factors = factors + _later(factors, reach, -torch.inf)
        reach *= 2
    lost = ~to_go.isfinite()
    if lost.any():
        raise NonFiniteWeights(int(_steps(lost)[-1]))
    return to_go


def truncated(weights: Weights, limit: float) -> Weights:
    r"""Cut weights at a limit, $\min(w, c)$, which lowers the variance for some bias.

    Parameters
    ----------
    weights
        (S, N, T) or (S, N, 1).
    limit
        $c \ge 1$.

    Notes
    -----
    Ionides 2008, "Truncated importance sampling", Journal of Computational and Graphical Statistics 17.
    """
    return weights.clamp(max=limit)


def self_normalised(weights: Weights, live: Bool[Tensor, "S N #T"]) -> Weights:
    r"""Scale the weights to a mean of 1 over the live trajectories of each step, $n w_i / \sum_j w_j$.

    Parameters
    ----------
    weights
        (S, N, T), zero behind the end of each trajectory, or (S, N, 1).
    live
        Of the same shape: which trajectories have a weight.

    Returns
    -------
    Tensor
        Of the same shape. The weights of a step sum to the number n of its live trajectories, those of whole
        trajectories to N; where all of them are 0, they stay so.

    Notes
    -----
    Owen 2013, "Monte Carlo theory, methods and examples", section 9.2: biased, by $O(1/N)$. Weights are scaled by the
    largest of their step first: the sum of large ones would overflow.
    """
    scaled = _scaled(weights)
    sums = scaled.sum(1, keepdim=True)
    return torch.where(sums > 0, scaled * live.sum(1, keepdim=True) / sums, 0)


def unclipped(
    log_ratios: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], clip: float
) -> Bool[Tensor, "S N T"]:
    r"""Tell where the gradient of PPO's clipped surrogate is not cut off.

    $\min(\rho A, \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A)$ has the gradient $\rho A \nabla \log
    \pi_{\theta'}$ except where the ratio has already gone further than ε to where the advantage pushes it.

    Parameters
    ----------
    log_ratios
        (S, N, T), $\log \rho_t$.
    advantages
        (S, N, T).
    clip
        ε.

    Notes
    -----
    Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7.
    """
    ratios = log_ratios.exp()
    return ~(((advantages > 0) & (ratios > 1 + clip)) | ((advantages < 0) & (ratios < 1 - clip)))


def effective_share(weights: Weights, live: Bool[Tensor, "S N #T"]) -> Float[Tensor, " S"]:
    r"""Return the effective sample size over the sample's, $(\sum w)^2 / (n \sum w^2)$.

    Parameters
    ----------
    weights
        (S, N, T), zero behind the end of each trajectory, or (S, N, 1).
    live
        Of the same shape: which trajectories have a weight.

    Returns
    -------
    Tensor
        (S,), of weights per step the mean over the steps that some trajectory has reached.

    Notes
    -----
    Kong 1992, "A note on importance sampling using standardized weights". Weights are scaled by the largest of their
    step first: squares of small ones would vanish.
    """
    scaled = _scaled(weights)
    count, squares = live.sum(1), scaled.square().sum(1)
    shares = torch.where(squares > 0, scaled.sum(1).square() / (squares * count.clamp(min=1)), 0)
    return shares.sum(-1) / (count > 0).sum(-1)


def _later(values: Float[Tensor, "S N T"], reach: int, fill: float) -> Float[Tensor, "S N T"]:
    return torch.nn.functional.pad(values[..., reach:], (0, reach), value=fill)


def _scaled(weights: Weights) -> Weights:
    return weights / weights.amax(1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)


def _finite(weights: Float[Tensor, "S N T"]) -> Float[Tensor, "S N T"]:
    lost = ~weights.isfinite()
    if lost.any():
        raise NonFiniteWeights(int(_steps(lost)[0]))
    return weights


def _steps(lost: Bool[Tensor, "S N T"]) -> Int[Tensor, " n"]:
    return lost.flatten(0, 1).any(0).nonzero().flatten()
