"""Normalisation of observations and of rewards by running means and standard deviations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pg.core.trajectories import Trajectories
from pg.parts.discounting import accumulated

_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of each component of an observation, (O,) for a policy or (S, 1, O) for S copies."""

    mean: Float[Tensor, "*S O"]
    deviation: Float[Tensor, "*S O"]

    def __call__(self, observations: Float[Tensor, "*n O"]) -> Float[Tensor, "*n O"]:
        """Return (o - mean) / deviation."""
        return (observations - self.mean) / self.deviation

    def repeated(self, copies: int) -> Scale:
        """Return the scale of `copies` copies of a policy."""
        return Scale(self.mean.expand(copies, -1, -1), self.deviation.expand(copies, -1, -1))


class RunningScale(nn.Module):
    r"""Mean and variance of each component over all observations so far; 0 and 1 before the first.

    Those of observations are buffers of the policy: gradients do not change them, and snapshots contain them. Batches
    are combined as in Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance": with counts $n_a,
    n_b$, means $m_a, m_b$ and $\delta = m_b - m_a$, the sum of squared deviations of both is $S_a + S_b + \delta^2 n_a
    n_b / (n_a + n_b)$.
    """

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        # In double precision, because each batch changes the mean less than the one before.
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))

    def observe(self, observations: Float[Tensor, "n O"]) -> None:
        """Include the observations of a batch."""
        new = observations.to(torch.float64)
        before, added = self.count, len(new)
        share, step = added / (before + added), new.mean(0) - self.mean
        squares = before * self.variance + added * new.var(0, correction=0) + step.square() * before * share
        self.count, self.mean = before + added, self.mean + share * step
        self.variance = squares / self.count

    def now(self, dtype: torch.dtype) -> Scale:
        r"""Return the scale $(o - m) / \sqrt{v + 10^{-8}}$, that of gymnasium's `NormalizeObservation`."""
        return Scale(self.mean.to(dtype), (self.variance + _LEAST_VARIANCE).sqrt().to(dtype))


class RewardScale(RunningScale):
    r"""The running standard deviation of discounted returns, by which a learner divides its rewards.

    $R_t = \gamma R_{t-1} + r_t$, from 0 at the start of each trajectory, and $\sigma^2 = \mathrm{Var}(R_t) + 10^{-8}$
    over the steps of all batches so far. The newest batch is included, because otherwise the first reward after many
    zeros would be divided by nearly zero. Rewards are not centred, so that the best policy stays the same.

    Engstrom et al. 2020, "Implementation matters in deep policy gradients", algorithm 1; like `VecNormalize` of
    Stable-Baselines3. gymnasium's `NormalizeReward` differs at the ends of trajectories, where it does not reset
    $R_t$.

    Parameters
    ----------
    discount
        $\gamma$.
    """

    def __init__(self, discount: float) -> None:
        super().__init__(1)
        self._discount = discount

    def include(self, trajectories: Trajectories) -> float:
        """Include the rewards of a batch, and return the deviation of all so far."""
        returns = accumulated(trajectories.rewards.to(torch.float64), trajectories.mask, self._discount)
        self.observe(returns[trajectories.mask].unsqueeze(-1))
        return self.now(torch.float64).deviation.item()
