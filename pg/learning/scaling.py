"""What a seed has seen so far, and how it scales what it sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, slots=True)
class Scale:
    """A shift and a scale for each component of an observation, of one policy (O,) or of S (S, 1, O).

    Attributes
    ----------
    mean
        Subtracted.
    deviation
        Divides what is left.
    """

    mean: Float[Tensor, "*S O"]
    deviation: Float[Tensor, "*S O"]

    def __call__(self, observations: Float[Tensor, "*n O"]) -> Float[Tensor, "*n O"]:
        """Return (o - mean) / deviation."""
        return (observations - self.mean) / self.deviation

    def repeated(self, copies: int) -> Scale:
        """Return the scale of a stack of one policy for a stack of copies of it."""
        return Scale(self.mean.expand(copies, -1, -1), self.deviation.expand(copies, -1, -1))


class RunningScale(nn.Module):
    r"""Mean and variance of each component over all observations so far, without keeping these.

    They are buffers of the policy: no gradient changes them, and snapshots hold them. Before anything was seen they
    are 0 and 1, which leaves observations as they are.

    Parameters
    ----------
    size
        O, the length of an observation.

    Notes
    -----
    Batches are joined by the formula of Chan, Golub & LeVeque 1983: with counts $n_a, n_b$, means $m_a, m_b$ and
    $\delta = m_b - m_a$, the sums of squared deviations add up to $S_a + S_b + \delta^2 n_a n_b / (n_a + n_b)$.
    """

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        # In double precision, because the mean moves by less and less.
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))

    def observe(self, observations: Float[Tensor, "n O"]) -> None:
        """Take the observations of a batch in."""
        new = observations.to(torch.float64)
        before, added = self.count, len(new)
        share, step = added / (before + added), new.mean(0) - self.mean
        squares = before * self.variance + added * new.var(0, correction=0) + step.square() * before * share
        self.count, self.mean = before + added, self.mean + share * step
        self.variance = squares / self.count

    def now(self, dtype: torch.dtype) -> Scale:
        r"""Return the present scale: $(o - m) / \sqrt{v + 10^{-8}}$, as gymnasium's `NormalizeObservation` has it."""
        return Scale(self.mean.to(dtype), (self.variance + _LEAST_VARIANCE).sqrt().to(dtype))
