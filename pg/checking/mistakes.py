r"""Estimators with known mistakes: each is a recipe of choices, some right and some wrong.

A recipe gives the weights $c_{i,t}$ of the scores in the estimate $\hat g = \frac{1}{N} \sum_i \sum_t c_{i,t}
\psi_{i,t}$. It makes one choice in each of these slots:

| slot | decides |
|---|---|
| rewards | what is added up |
| returns | W_t, the rewards that a log-probability is credited with |
| baseline | b_t |
| joining | how W_t and b_t are joined, and what the importance weight multiplies |
| importance | w_t, the weight of data of another policy |
| scale | whether advantages are normalised, or averaged |
| steps | how the terms of the steps are added up |
| batch | how those of the trajectories are |
| score | what is differentiated |
| sign | up or down |

The first choice of a slot is right, and so are others without a sentence. Some wrong choices cost variance alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, product
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """S batches of N trajectories, as submissions get them; rewards and values are zero after the last step."""

    rewards: Floats
    mask: NDArray[np.bool_]
    log_probs: Floats
    old_log_probs: Floats
    values: Floats
    discount: float
    _computed: dict[tuple[Any, ...], Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, function: Callable[..., Floats], *choices: Choice) -> Floats:
        """Return what a function makes of this sample and some choices; it is called once for the same ones."""
        if (key := (function, *choices)) not in self._computed:
            self._computed[key] = function(self, *choices)
        return self._computed[key]

    @cached_property
    def ratios(self) -> Floats:
        """The ratio of each step; 1 after the last one."""
        return np.exp(np.where(self.mask, self.log_probs - self.old_log_probs, 0))

    @cached_property
    def powers(self) -> Floats:
        """γ^t."""
        return self.discount ** np.arange(self.mask.shape[-1], dtype=np.float64)

    @cached_property
    def lengths(self) -> Floats:
        """Steps of each trajectory, (S, N, 1)."""
        return self.mask.sum(-1, keepdims=True).astype(np.float64)

    @property
    def n(self) -> int:
        """Trajectories per batch."""
        return self.mask.shape[1]


@dataclass(frozen=True, eq=False)
class Choice:
    """A choice of a slot; a wrong one has a sentence that follows "the estimator ..." and an equation."""

    name: str
    function: Callable[..., Floats]
    sentence: str = ""
    equation: str = ""


def _to_go(rewards: Floats, sample: Sample) -> Floats:
    """Return Σ_{t' ≥ t} γ^(t'-t) r_t'."""
    found = np.zeros_like(rewards)
    later = np.zeros(rewards.shape[:-1])
    for step in reversed(range(rewards.shape[-1])):
        later = rewards[..., step] + sample.discount * later
        found[..., step] = later
    return found


def _total(rewards: Floats, sample: Sample) -> Floats:
    return np.broadcast_to((rewards * sample.powers).sum(-1, keepdims=True), rewards.shape)


def _shifted(values: Floats, by: int) -> Floats:
    """Return the values of later (by > 0) or earlier steps, zero beyond the ends."""
    found = np.zeros_like(values)
    if by > 0:
        found[..., :-by] = values[..., by:]
    else:
        found[..., -by:] = values[..., :by]
    return found


def _early(rewards: Floats, sample: Sample) -> Floats:
    return _to_go(rewards, sample) + _shifted(rewards, -1)


def _past(rewards: Floats, sample: Sample) -> Floats:
    """Return Σ_{t' ≤ t} γ^(t-t') r_t'."""
    return _to_go(rewards[..., ::-1], sample)[..., ::-1]


def _leaking(rewards: Floats, sample: Sample) -> Floats:
    """Return sums that run on into the trajectories that follow in the batch."""
    found, later = np.zeros_like(rewards), np.zeros(len(rewards))
    for one in reversed(range(rewards.shape[1])):
        for step in reversed(range(rewards.shape[2])):
            valid = sample.mask[:, one, step]
            later = np.where(valid, rewards[:, one, step] + sample.discount * later, later)
            found[:, one, step] = np.where(valid, later, 0)
    return found


def _ends(sample: Sample) -> NDArray[np.bool_]:
    """Tell which steps are the last of their trajectories."""
    return sample.mask & ~_shifted(sample.mask.astype(float), 1).astype(bool)


def _last(rewards: Floats, sample: Sample) -> Floats:
    return np.broadcast_to((rewards * _ends(sample)).sum(-1, keepdims=True), rewards.shape)


def _remaining(sample: Sample) -> Floats:
    return np.maximum(sample.lengths - np.arange(sample.mask.shape[-1]), 1)


Errors = Callable[[Floats, Sample], Floats]


def _temporal_differences(rewards: Floats, sample: Sample) -> Floats:
    """Return δ_t = r_t + γ V(s_{t+1}) − V(s_t); nothing follows the last step."""
    return rewards + sample.discount * _shifted(sample.values, 1) - sample.values


def _without_end(rewards: Floats, sample: Sample) -> Floats:
    """Return temporal differences whose last one has the value of its own state for that of the next."""
    return _temporal_differences(rewards, sample) + sample.discount * sample.values * _ends(sample)


def _into_the_next(rewards: Floats, sample: Sample) -> Floats:
    """Return temporal differences whose last one has the first value of the next trajectory."""
    following = np.zeros_like(sample.values[..., :1])
    following[:, :-1] = sample.values[:, 1:, :1]
    return _temporal_differences(rewards, sample) + sample.discount * following * _ends(sample)


def _generalised(decay: float, errors: Errors, add: Errors) -> Errors:
    """Return a function for Σ_k (γλ)^k δ_{t+k}."""

    def function(rewards: Floats, sample: Sample) -> Floats:
        return add(errors(rewards, sample), replace(sample, discount=sample.discount * decay))

    return function


def _advantage_estimates(decay: float) -> Iterator[Choice]:
    """Yield generalised advantage estimates, right with exact values alone, and those with mistakes."""
    gae = f"GAE with λ = {decay:g}"
    yield Choice(
        f"gae_{decay:g}",
        _generalised(decay, _temporal_differences, _to_go),
        f"bootstraps from the values ({gae}): right on average with the exact V alone",
        "A_t = Σ_k (γλ)^k δ_{t+k}",
    )
    yield Choice(
        f"gae_{decay:g}_without_end",
        _generalised(decay, _without_end, _to_go),
        f"bootstraps from the last state's own value where an episode ends, though nothing follows ({gae})",
        "δ_T = r_T + γ V(s_T) − V(s_T)",
    )
    yield Choice(
        f"gae_{decay:g}_leaking",
        _generalised(decay, _into_the_next, _leaking),
        f"lets advantages run on into the next trajectory, as the sum is not reset at the end of one ({gae})",
        "A_{i,T} = r_{i,T} + γ V(s_{i+1,1}) − V(s_{i,T}) + γλ A_{i+1,1}",
    )


_REWARDS = (
    Choice("rewards", lambda sample: sample.rewards),
    Choice(
        "centred",
        lambda sample: np.where(sample.mask, sample.rewards - _over(sample.rewards, sample.mask), 0),
        "subtracts the batch's average reward from each reward, not a baseline from each return",
        "W_t = Σ_t' (r_t' − r̄)",
    ),
    Choice("clipped", lambda sample: np.sign(sample.rewards), "uses the signs of rewards", "r_t → sign r_t"),
)
_RETURNS = (
    Choice("to_go", _to_go),
    Choice(
        "total",
        _total,
        "credits each action with the whole return, also the rewards before it: no bias, but more variance",
        "W = Σ_t r_t",
    ),
    Choice(
        "late",
        lambda rewards, sample: _shifted(_to_go(rewards, sample), 1),
        "credits each action with the rewards from the next step on: the action's own reward is missing",
        "W_t = Σ_{t' > t} r_t'",
    ),
    Choice(
        "early",
        _early,
        "credits each action with the reward of the step before it as well: no bias, but more variance",
        "W_t = Σ_{t' ≥ t−1} r_t'",
    ),
    Choice(
        "past",
        _past,
        "adds the rewards up to each step, not those from it on",
        "W_t = Σ_{t' ≤ t} γ^(t−t') r_t'",
    ),
    Choice("immediate", lambda rewards, _: rewards, "credits each action with its own reward alone", "W_t = r_t"),
    Choice(
        "immediate_from_the_start",
        lambda rewards, sample: rewards * sample.powers,
        "credits each action with its own reward alone, discounted from the first step",
        "W_t = γ^t r_t",
    ),
    Choice("last", _last, "credits each action with the last reward of its trajectory alone", "W_t = r_T"),
    Choice(
        "from_the_start",
        lambda rewards, sample: _to_go(rewards * sample.powers, replace(sample, discount=1.0)),
        "discounts rewards from the first step, not from the action's own: the gradient is that of the discounted "
        "objective",
        "W_t = Σ_{t' ≥ t} γ^t' r_t'",
    ),
    Choice(
        "once_too_often",
        lambda rewards, sample: sample.discount * _to_go(rewards, sample),
        "discounts from the step before the action: its own reward is discounted, too",
        "W_t = Σ_{t' ≥ t} γ^(t'−t+1) r_t'",
    ),
    Choice(
        "undiscounted",
        lambda rewards, sample: _to_go(rewards, replace(sample, discount=1.0)),
        "ignores the discount",
        "W_t = Σ_{t' ≥ t} r_t'",
    ),
    Choice(
        "mean_to_go",
        lambda rewards, sample: _to_go(rewards, sample) / _remaining(sample),
        "averages the rewards to go over the remaining steps instead of adding them up",
        "W_t = 1/(T−t) Σ_{t' ≥ t} r_t'",
    ),
    Choice(
        "mean_total",
        lambda rewards, sample: _total(rewards, sample) / sample.lengths,
        "averages the rewards over time instead of adding them up",
        "W = 1/T Σ_t r_t",
    ),
    Choice(
        "flipped_once",
        lambda rewards, _: rewards[..., ::-1].cumsum(-1),
        "adds rewards up from the end of the batch, and does not turn the sums round again",
        "W_t = Σ_{t' > T−t} r_t'",
    ),
    Choice(
        "over_trajectories",
        lambda rewards, _: rewards[:, ::-1].cumsum(1)[:, ::-1],
        "adds rewards up over the trajectories of the batch instead of over time: the wrong axis",
        "W_{i,t} = Σ_{j ≥ i} r_{j,t}",
    ),
    Choice(
        "over_earlier_trajectories",
        lambda rewards, _: rewards.cumsum(1),
        "adds rewards up over the trajectories of the batch instead of over time: the wrong axis",
        "W_{i,t} = Σ_{j ≤ i} r_{j,t}",
    ),
    Choice(
        "leaking",
        _leaking,
        "lets returns run on into the next trajectory of the batch, as the sum is not reset at the end of one: more "
        "variance, and a bias with a discount",
        "W_{i,t} = Σ_{t' ≥ t} r_{i,t'} + Σ_{j > i} R_j",
    ),
)


def _with_discount(function: Errors, discount: float) -> Errors:
    return lambda rewards, sample: function(rewards, replace(sample, discount=discount))


_DISCOUNTED = tuple(
    Choice(
        f"{name}_with_{discount:g}",
        _with_discount(function, discount),
        f"discounts rewards by {discount:g}, where nothing is to be discounted",
        equation.replace("γ", f"{discount:g}"),
    )
    for discount in (0.9, 0.95, 0.99)
    for name, function, equation in (
        ("to_go", _to_go, "W_t = Σ_{t' ≥ t} γ^(t'−t) r_t'"),
        ("total", _total, "W = Σ_t γ^t r_t"),
    )
)
_ADVANTAGES = tuple(choice for decay in (0, 0.9, 0.95, 0.97, 0.99) for choice in _advantage_estimates(decay))


_BATCH_AXES, _TIME_AXIS = (1, 2), (2,)


def _over(values: Floats, counted: NDArray[np.bool_], axes: tuple[int, ...] = _BATCH_AXES) -> Floats:
    """Return the mean of the counted values of each batch, (S, 1, 1), or along other axes."""
    return (values * counted).sum(axes, keepdims=True) / counted.sum(axes, keepdims=True)


def _totals(_returns: Floats, sample: Sample) -> Floats:
    return (sample.rewards * sample.powers).sum(-1, keepdims=True)


def _mean_return(returns: Floats, sample: Sample) -> Floats:
    return _totals(returns, sample).mean(1, keepdims=True)


def _others(values: Floats, n: int) -> Floats:
    return (values.sum(1, keepdims=True) - values) / max(n - 1, 1)


def _per_step(returns: Floats, sample: Sample) -> Floats:
    """Return the mean over the trajectories that reach a step."""
    return (returns * sample.mask).sum(1, keepdims=True) / np.maximum(sample.mask.sum(1, keepdims=True), 1)


def _per_step_others(returns: Floats, sample: Sample) -> Floats:
    valid = returns * sample.mask
    count = sample.mask.sum(1, keepdims=True) - sample.mask
    return (valid.sum(1, keepdims=True) - valid) / np.maximum(count, 1)


def _start(returns: Floats, _: Sample) -> Floats:
    return returns[..., :1]


_OWN = "subtracts a baseline that contains the trajectory's own return: it shrinks the gradient by 1 − 1/N"
_TOO_SMALL = "divides the sum of the other trajectories by N instead of N − 1: no bias, but more variance"
_BASELINES = (
    Choice("none", lambda returns, _: np.zeros_like(returns)),
    Choice("leave_one_out", lambda returns, sample: _others(_totals(returns, sample), sample.n)),
    Choice("per_step_leave_one_out", _per_step_others),
    Choice("per_step_leave_one_out_of_all", lambda returns, sample: _others(returns * sample.mask, sample.n)),
    Choice("first_return_leave_one_out", lambda returns, sample: _others(_start(returns, sample), sample.n)),
    Choice("values", lambda _, sample: sample.values),
    Choice(
        "sum_of_others",
        lambda returns, sample: _others(_totals(returns, sample), sample.n) * (sample.n - 1) / sample.n,
        _TOO_SMALL,
        "b_i = 1/N Σ_{j ≠ i} R_j",
    ),
    Choice(
        "sum_of_others_per_step",
        lambda returns, sample: _others(returns * sample.mask, sample.n) * (sample.n - 1) / sample.n,
        _TOO_SMALL,
        "b_{i,t} = 1/N Σ_{j ≠ i} W_{j,t}",
    ),
    Choice("average", _mean_return, _OWN, "b = 1/N Σ_j R_j"),
    Choice(
        "per_step",
        _per_step,
        "subtracts a baseline that contains the trajectory's own return: it shrinks the gradient, the more the fewer "
        "trajectories reach a step",
        "b_t = mean of W_{j,t} over the trajectories that reach step t",
    ),
    Choice(
        "per_step_of_all",
        lambda returns, sample: (returns * sample.mask).mean(1, keepdims=True),
        _OWN + "; trajectories that have ended count as 0",
        "b_t = 1/N Σ_j W_{j,t}",
    ),
    Choice(
        "over_steps",
        lambda returns, sample: _over(returns, sample.mask),
        "subtracts the average over all steps of the batch, the trajectory's own among them",
        "b = mean of W_{j,t} over all j and t",
    ),
    Choice(
        "over_padding",
        lambda returns, _: returns.mean((1, 2), keepdims=True),
        "ignores the mask in the baseline: it averages over steps that are padding",
        "b = 1/(N T) Σ_j Σ_t W_{j,t}",
    ),
    Choice(
        "own_average",
        lambda returns, sample: (returns * sample.mask).sum(-1, keepdims=True) / sample.lengths,
        "subtracts the average of the trajectory's own returns along its steps",
        "b_i = 1/T_i Σ_t W_{i,t}",
    ),
    Choice(
        "next_values",
        lambda _, sample: _shifted(sample.values, 1),
        "subtracts the value of the next state, which depends on the action",
        "b_t = V(s_{t+1})",
    ),
    Choice(
        "average_value",
        lambda _, sample: _over(sample.values, sample.mask),
        "subtracts the average of the values over all steps of the batch, not the value of the action's own state",
        "b = mean of V(s_{j,t}) over all j and t",
    ),
    Choice(
        "own_return",
        lambda returns, sample: _totals(returns, sample),
        "subtracts the trajectory's own return",
        "b_i = R_i",
    ),
    Choice(
        "best",
        lambda returns, sample: _totals(returns, sample).max(1, keepdims=True),
        "subtracts the largest return of the batch, which may be the trajectory's own",
        "b = max_j R_j",
    ),
)


_JOININGS = (
    Choice("subtracted", lambda earned, baseline, weight: earned - weight * baseline),
    Choice(
        "added",
        lambda earned, baseline, weight: earned + weight * baseline,
        "adds the baseline instead of subtracting it: no bias by itself, but more variance",
        "W_t + b_t",
    ),
    Choice(
        "unweighted",
        lambda earned, baseline, _: earned - baseline,
        "does not multiply the baseline by the importance weight",
        "w_t W_t − b_t",
    ),
)


def _log_sums(sample: Sample) -> Floats:
    return np.log(sample.ratios).cumsum(-1)


def _quotients(sample: Sample) -> Floats:
    return np.where(sample.mask, sample.log_probs / sample.old_log_probs, 1)


def _ones(sample: Sample) -> Floats:
    return np.ones(sample.mask.shape)


def _of_trajectory(sample: Sample) -> Floats:
    return np.broadcast_to(sample.ratios.prod(-1, keepdims=True), sample.mask.shape)


def _normalised(weights: Floats, sample: Sample) -> Floats:
    return weights / _over(weights, sample.mask)


_ON_POLICY = (Choice("none", _ones),)
# The weight of a step multiplies the rewards of this step, and not the returns from it on.
_PER_DECISION = {"per_decision", "inverse_per_decision", "before_step_per_decision", "through_per_decision"}
_IMPORTANCE = (
    Choice("trajectory", _of_trajectory),
    Choice("per_decision", lambda sample: np.exp(_log_sums(sample))),
    Choice(
        "inverse_per_decision",
        lambda sample: np.exp(-_log_sums(sample)),
        "divides by the wrong policy: the ratios are upside down",
        "w_t = Π_{t' ≤ t} π_θ(a_t'|s_t') / π_θ'(a_t'|s_t')",
    ),
    Choice(
        "before_step_per_decision",
        lambda sample: np.exp(_shifted(_log_sums(sample), -1)),
        "leaves the ratio of the reward's own step out of the product",
        "w_t = Π_{t' < t} ρ_t'",
    ),
    Choice(
        "through_per_decision",
        lambda sample: np.exp(_log_sums(sample)) * (1 + (sample.log_probs * sample.mask).cumsum(-1)),
        "lets a gradient flow through the weights of the rewards; detach them",
        "∇(w_t' Σ_{t ≤ t'} log π_t) = w_t' (Σ_{t ≤ t'} ∇log π_t) (1 + Σ_{t ≤ t'} log π_t)",
    ),
    Choice(
        "quotient",
        lambda sample: np.broadcast_to(_quotients(sample).prod(-1, keepdims=True), sample.mask.shape),
        "divides log-probabilities instead of probabilities",
        "w = Π_t log π_θ'(a_t|s_t) / log π_θ(a_t|s_t)",
    ),
    Choice(
        "quotient_per_step",
        lambda sample: _quotients(sample),
        "divides log-probabilities instead of probabilities",
        "w_t = log π_θ'(a_t|s_t) / log π_θ(a_t|s_t)",
    ),
    Choice(
        "up_to_step",
        lambda sample: np.exp(_log_sums(sample)),
        "weighs each step by the ratios up to it: later rewards stay those of the old policy",
        "w_t = Π_{t' ≤ t} ρ_t'",
    ),
    Choice(
        "per_step",
        lambda sample: sample.ratios,
        "weighs each step by its own ratio alone, as PPO does: states and later rewards stay those of the old policy "
        '(if that is meant, declare expects="surrogate")',
        "w_t = ρ_t",
    ),
    Choice("none", _ones, "has no importance weight", "w_t = 1"),
    Choice(
        "inverse",
        lambda sample: 1 / _of_trajectory(sample),
        "divides by the wrong policy: the ratio is upside down",
        "w = Π_t π_θ(a_t|s_t) / π_θ'(a_t|s_t)",
    ),
    Choice(
        "inverse_per_step",
        lambda sample: 1 / sample.ratios,
        "divides by the wrong policy: the ratio of each step is upside down",
        "w_t = π_θ(a_t|s_t) / π_θ'(a_t|s_t)",
    ),
    Choice(
        "before_step",
        lambda sample: np.exp(_shifted(_log_sums(sample), -1)),
        "leaves the ratio of the step itself out of the product",
        "w_t = Π_{t' < t} ρ_t'",
    ),
    Choice(
        "from_step",
        lambda sample: _of_trajectory(sample) / np.exp(_shifted(_log_sums(sample), -1)),
        "multiplies the ratios from the step on, not those before it: states stay those of the old policy",
        "w_t = Π_{t' ≥ t} ρ_t'",
    ),
    Choice(
        "sum",
        lambda sample: np.broadcast_to((sample.ratios * sample.mask).sum(-1, keepdims=True), sample.mask.shape),
        "adds the ratios of a trajectory up instead of multiplying them",
        "w = Σ_t ρ_t",
    ),
    Choice(
        "geometric",
        lambda sample: np.broadcast_to(
            np.exp(np.log(sample.ratios).sum(-1, keepdims=True) / sample.lengths), sample.mask.shape
        ),
        "averages the logarithms of a trajectory's ratios instead of adding them up",
        "w = (Π_t ρ_t)^(1/T)",
    ),
    Choice(
        "squared",
        lambda sample: _of_trajectory(sample) ** 2,
        "applies the importance weight twice",
        "w = (Π_t ρ_t)²",
    ),
    Choice(
        "squared_per_step",
        lambda sample: sample.ratios**2,
        "applies the ratio of each step twice",
        "w_t = ρ_t²",
    ),
    Choice(
        "self_normalised",
        lambda sample: _of_trajectory(sample) / sample.ratios.prod(-1).mean(-1)[:, None, None],
        "scales the weights to a mean of 1 in each batch (self-normalised: biased, less variance)",
        "w_i / (1/N Σ_j w_j)",
    ),
    Choice(
        "clamped",
        lambda sample: np.clip(sample.ratios, 0.8, 1.2),
        "clips the ratio of each step to 0.8 … 1.2 without PPO's minimum, and lets no gradient depend on it",
        "w_t = clip(ρ_t, 1 − ε, 1 + ε)",
    ),
)


Counted = Callable[[Sample], NDArray[np.bool_]]


def _valid(sample: Sample) -> NDArray[np.bool_]:
    return sample.mask


def _all(sample: Sample) -> NDArray[np.bool_]:
    return np.ones_like(sample.mask)


def _first(sample: Sample) -> NDArray[np.bool_]:
    """Return the first steps, whose rewards-to-go are the trajectories' returns."""
    return sample.mask & (np.arange(sample.mask.shape[-1]) == 0)


def _standardised(
    ddof: int,
    over: Counted = _valid,
    *,
    mean_over: Counted | None = None,
    axes: tuple[int, ...] = _BATCH_AXES,
    centred: bool = True,
) -> Callable[..., Floats]:
    """Return a function that divides advantages by their deviation over some steps, after subtracting their mean."""

    def function(advantages: Floats, sample: Sample) -> Floats:
        counted = over(sample)
        count = counted.sum(axes, keepdims=True)
        mean = _over(advantages, (mean_over or over)(sample), axes)
        squares = (np.where(counted, advantages - mean, 0) ** 2).sum(axes, keepdims=True)
        rounding = 1e-24 * np.where(counted, advantages**2, 0).sum(axes, keepdims=True)
        with np.errstate(all="ignore"):
            found = (advantages - mean * centred) / np.sqrt(squares / (count - ddof))
        return np.where(squares > rounding, found, 0)

    return function


def _normalisations(name: str, sentence: str, equation: str, *args: Any, **options: Any) -> Iterator[Choice]:
    """Yield a normalisation with the deviation of a population, and with that of a sample."""
    for ddof in (0, 1):
        yield Choice(f"{name}_{ddof}", _standardised(ddof, *args, **options), sentence, equation)


_SCALES = (
    Choice("none", lambda advantages, _: advantages),
    *_normalisations(
        "standardised",
        "normalises the advantages by the mean and deviation of the same batch",
        "(A_t − mean) / deviation",
    ),
    *_normalisations(
        "standardised_with_padding",
        "normalises the advantages by the mean and deviation of the same batch, and ignores the mask there",
        "(A_t − mean) / deviation, over N T steps",
        _all,
    ),
    *_normalisations(
        "standardised_by_mean_with_padding",
        "normalises the advantages by their mean over padding, too, and their deviation without it",
        "(A_t − mean over N T steps) / deviation",
        mean_over=_all,
    ),
    *_normalisations(
        "standardised_in_trajectory",
        "normalises the advantages of each trajectory by its own mean and deviation",
        "(A_{i,t} − mean_t A_{i,t}) / deviation_t",
        axes=_TIME_AXIS,
    ),
    *_normalisations(
        "standardised_by_returns",
        "normalises the advantages by the mean and deviation of the trajectories' returns in the same batch",
        "(A_t − mean of R_j) / deviation of R_j",
        _first,
    ),
    *_normalisations(
        "divided",
        "divides the advantages by their deviation in the same batch",
        "A_t / deviation",
        centred=False,
    ),
    Choice(
        "averaged_over_trajectories",
        lambda advantages, sample: np.broadcast_to(_over(advantages, _first(sample)), advantages.shape),
        "multiplies each log-probability by the average return of the batch, as a product of shapes (N, 1) and (N,) "
        "does: 1/N of the gradient",
        "1/N Σ_j R_j",
    ),
    Choice(
        "averaged",
        lambda advantages, sample: np.broadcast_to(_over(advantages, sample.mask), advantages.shape),
        "multiplies each log-probability by the average advantage of the batch, as a product of shapes (B,) and (B, 1) "
        "does",
        "mean of A_{j,t} over all j and t",
    ),
)


def _summed(terms: Floats, sample: Sample) -> Floats:
    return (terms * sample.mask).sum(-1, keepdims=True) * sample.mask


_STEPS = (
    Choice("sum", lambda terms, sample: terms * sample.mask),
    Choice(
        "unmasked",
        lambda terms, _: terms,
        "ignores the mask: log-probabilities after the last step are in the sum",
        "Σ_t over padding, too",
    ),
    Choice(
        "mean_of_trajectory",
        lambda terms, sample: terms * sample.mask / sample.lengths,
        "averages over the steps of each trajectory instead of adding them up",
        "1/T_i Σ_t",
    ),
    Choice(
        "mean_of_padded",
        lambda terms, sample: terms * sample.mask / terms.shape[-1],
        "averages over the steps of the padded batch instead of adding them up",
        "1/T Σ_t",
    ),
    Choice(
        "mean_of_batch",
        lambda terms, sample: terms * sample.mask * sample.n / sample.mask.sum((1, 2), keepdims=True),
        "averages over all steps of the batch instead of adding them up per trajectory",
        "1/(Σ_i T_i) Σ_i Σ_t",
    ),
    Choice(
        "mean_of_all",
        lambda terms, _: terms / terms.shape[-1],
        "averages over time instead of adding up, and ignores the mask",
        "1/(N T) Σ_i Σ_t",
    ),
    Choice(
        "sum_times_sum",
        lambda terms, sample: _summed(terms, sample),
        "multiplies the sum of a trajectory's advantages by the sum of its log-probabilities, not each by its own",
        "(Σ_t A_t) (Σ_t log π_t)",
    ),
    Choice(
        "sum_times_average",
        lambda terms, sample: _summed(terms, sample) / sample.lengths,
        "multiplies the sum of a trajectory's advantages by its average log-probability, not each by its own",
        "(Σ_t A_t) (1/T Σ_t log π_t)",
    ),
)
_BATCH = (
    Choice("mean", lambda terms, _: terms),
    Choice("sum", lambda terms, sample: terms * sample.n, "adds trajectories up instead of averaging them", "Σ_i"),
)
_LOW, _HIGH = 0.8, 1.2  # 1 ± ε of PPO


def _is_outside(sample: Sample) -> NDArray[np.bool_]:
    return (sample.ratios > _HIGH) | (sample.ratios < _LOW)


def _is_favoured(terms: Floats, sample: Sample) -> NDArray[np.bool_]:
    """Tell where the ratio has left its interval to the side of the advantage, which has the sign of the term."""
    return ((sample.ratios > _HIGH) & (terms > 0)) | ((sample.ratios < _LOW) & (terms < 0))


_SCORES = (
    Choice("log", lambda terms, _: terms),
    Choice(
        "probability",
        lambda terms, sample: terms * np.exp(sample.log_probs),
        "differentiates the probability instead of the log-probability",
        "Σ_t π(a_t|s_t) A_t",
    ),
    Choice(
        "through_ratio",
        lambda terms, sample: terms * (1 + sample.log_probs),
        "lets a gradient flow through the ratio that multiplies log π; detach it",
        "∇(ρ_t log π_t) = ρ_t (1 + log π_t) ∇log π_t",
    ),
    Choice(
        "through_weight",
        lambda terms, sample: (terms + (terms * sample.log_probs).sum(-1, keepdims=True)) * sample.mask,
        "lets a gradient flow through the weight that multiplies log π; detach it",
        "∇(w log π_t) = w (∇log π_t + log π_t Σ_t' ∇log π_t')",
    ),
    Choice(
        "weight_alone",
        lambda terms, sample: _summed(terms * sample.log_probs, sample),
        "differentiates the weight, and not log π: detach the weight instead",
        "∇w Σ_t log π_t = w Σ_t' ∇log π_t' Σ_t log π_t",
    ),
    Choice(
        "through_product",
        lambda terms, sample: terms + (terms * sample.log_probs)[..., ::-1].cumsum(-1)[..., ::-1],
        "lets a gradient flow through the product of ratios that multiplies log π; detach it",
        "∇(w_t log π_t) = w_t (∇log π_t + log π_t Σ_{t' ≤ t} ∇log π_t')",
    ),
    Choice(
        "discounted",
        lambda terms, sample: terms * sample.powers,
        "weights step t by γ^t as well: the gradient is that of the discounted objective",
        "Σ_t γ^t",
    ),
    Choice(
        "ppo",
        lambda terms, sample: np.where(_is_favoured(terms, sample), 0, terms),
        "clips as PPO does: a step whose ratio has left 0.8 … 1.2 to the side of its advantage has no gradient "
        "(if that is meant, declare equals={'importance': {'name': 'per_step', 'clip': 0.2}})",
        "min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t)",
    ),
    Choice(
        "ppo_without_minimum",
        lambda terms, sample: np.where(_is_outside(sample), 0, terms),
        "clips without PPO's minimum: a step whose ratio has left 0.8 … 1.2 has no gradient that could bring it back",
        "clip(ρ_t, 1 − ε, 1 + ε) A_t",
    ),
    Choice(
        "ppo_of_ratios",
        lambda terms, sample: np.where(sample.ratios > _HIGH, 0, terms),
        "takes the smaller one of the ratios, not of their products with the advantage",
        "min(ρ_t, clip(ρ_t, 1 − ε, 1 + ε)) A_t",
    ),
    Choice(
        "ppo_above",
        lambda terms, sample: np.where((sample.ratios > _HIGH) & (terms > 0), 0, terms),
        "clips ratios above 1 + ε alone",
        "min(ρ_t A_t, min(ρ_t, 1 + ε) A_t)",
    ),
    Choice(
        "ppo_with_maximum",
        lambda terms, sample: np.where(_is_outside(sample) & ~_is_favoured(terms, sample), 0, terms),
        "takes the larger one of PPO's two terms, not the smaller one",
        "max(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t)",
    ),
)
_SIGNS = (
    Choice("up", lambda terms, _: terms),
    Choice("down", lambda terms, _: -terms, "has the wrong sign: it descends", "−ĝ"),
)

SLOTS = ("rewards", "returns", "baseline", "joining", "importance", "scale", "steps", "batch", "score", "sign")
_choices_of = attrgetter(*SLOTS)


@dataclass(frozen=True)
class Recipe:
    """One choice for each slot."""

    rewards: Choice
    returns: Choice
    baseline: Choice
    joining: Choice
    importance: Choice
    scale: Choice
    steps: Choice
    batch: Choice
    score: Choice
    sign: Choice

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices, in the order of the slots."""
        return _choices_of(self)

    @property
    def mistakes(self) -> tuple[Choice, ...]:
        """The wrong choices."""
        return tuple(choice for choice in self.choices if choice.sentence)

    def weights(self, sample: Sample) -> Floats:
        """Return the weights c (S, N, T), also after the last steps."""
        up_to_scale, after = self.choices[:6], self.choices[6:]
        with np.errstate(all="ignore"):
            terms = sample.once(_terms, *up_to_scale)
            for choice in after:
                terms = choice.function(terms, sample)
        return terms


def _terms(
    sample: Sample,
    rewards: Choice,
    returns: Choice,
    baseline: Choice,
    joining: Choice,
    importance: Choice,
    scale: Choice,
) -> Floats:
    """Return the weighted advantages (S, N, T)."""
    weight = importance.function(sample)
    plain = sample.once(_credited, rewards, returns)
    subtracted = sample.once(_subtracted, rewards, returns, baseline)
    is_per_reward = importance.name in _PER_DECISION
    earned = sample.once(_credited_by_weight, rewards, returns, importance) if is_per_reward else weight * plain
    if is_per_reward or joining.name == "unweighted":
        return scale.function(joining.function(earned, subtracted, weight), sample)
    # Advantages are scaled, and then weighted.
    return weight * scale.function(joining.function(plain, subtracted, 1.0), sample)


def _credited(sample: Sample, rewards: Choice, returns: Choice) -> Floats:
    return returns.function(rewards.function(sample), sample)


def _credited_by_weight(sample: Sample, rewards: Choice, returns: Choice, importance: Choice) -> Floats:
    return returns.function(importance.function(sample) * rewards.function(sample), sample)


def _subtracted(sample: Sample, rewards: Choice, returns: Choice, baseline: Choice) -> Floats:
    return baseline.function(sample.once(_credited, rewards, returns), sample)


_OFF_POLICY = {
    *("unweighted", "through_ratio", "through_weight", "through_product", "weight_alone"),
    *("ppo", "ppo_without_minimum", "ppo_of_ratios", "ppo_above", "ppo_with_maximum"),
}


def catalogue(*, off_policy: bool, discounted: bool, has_values: bool) -> dict[str, Sequence[Choice]]:
    """Return the choices of each slot that can be told apart on such data."""
    undiscounted = {"from_the_start", "immediate_from_the_start", "once_too_often", "undiscounted", "discounted"}
    without_values = {"values", "next_values", "average_value"}
    left_out = (set() if discounted else undiscounted) | (set() if has_values else without_values)
    left_out |= set() if off_policy else _OFF_POLICY
    left_out |= {one.name for one in _DISCOUNTED} if discounted else set()
    everything: dict[str, Sequence[Choice]] = {
        "rewards": _REWARDS,
        "returns": (*_RETURNS, *_DISCOUNTED, *(_ADVANTAGES if has_values else ())),
        "baseline": _BASELINES,
        "joining": _JOININGS,
        "importance": _IMPORTANCE if off_policy else _ON_POLICY,
        "scale": _SCALES,
        "steps": _STEPS,
        "batch": _BATCH,
        "score": _SCORES,
        "sign": _SIGNS,
    }
    return {slot: [one for one in choices if one.name not in left_out] for slot, choices in everything.items()}


_OTHERS = {
    "returns": "has other returns than asked for",
    "baseline": "has another baseline than asked for",
    "importance": "has another importance weight than asked for",
    "score": "does not clip the ratio",
}


def only(slot: str, choices: Sequence[Choice], name: str) -> Sequence[Choice]:
    """Return the choices of a slot, of which the named one alone is right; if none has the name, the same choices."""
    if name not in (one.name for one in choices):
        return choices
    right = [replace(one, sentence="", equation="") for one in choices if one.name == name]
    others = [one for one in choices if one.name != name]
    wrong = [
        replace(one, sentence=_OTHERS[slot], equation=_words(one.name, name)) for one in others if not one.sentence
    ]
    return [*right, *wrong, *(one for one in others if one.sentence)]


def _words(name: str, wanted: str) -> str:
    return f"{name}, not {wanted}".replace("_", " ")


BUILT_IN: Mapping[str, str] = {
    "leave_one_out": "leave one out",
    "per_step_leave_one_out": "per step",
    "values": "exact V",
}
"""Built-in baselines without a bias that variances are compared with, and their labels."""


def with_baseline(name: str) -> Recipe:
    """Return rewards-to-go less a baseline of this name."""
    return replace(_first_of(off_policy=False), baseline=next(one for one in _BASELINES if one.name == name))


def with_importance(name: str) -> Recipe:
    """Return rewards-to-go with an importance weight of this name."""
    return replace(_first_of(off_policy=True), importance=next(one for one in _IMPORTANCE if one.name == name))


def _first_of(*, off_policy: bool) -> Recipe:
    choices = catalogue(off_policy=off_policy, discounted=False, has_values=True)
    return Recipe(*(found[0] for found in choices.values()))


def recipes(choices: Mapping[str, Sequence[Choice]], mistakes: int) -> Iterator[Recipe]:
    """Yield every recipe with exactly so many mistakes, each in another slot."""
    right = {slot: [one for one in found if not one.sentence] for slot, found in choices.items()}
    wrong = {slot: [one for one in found if one.sentence] for slot, found in choices.items()}
    for slots in combinations(SLOTS, mistakes):
        for picked in product(*((wrong if slot in slots else right)[slot] for slot in SLOTS)):
            recipe = Recipe(*picked)
            if recipe.joining.name == "subtracted" or recipe.baseline.name != "none":
                yield recipe
