"""How far an update really moves its policy: on the batch that it was held on, and on trajectories it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from pg.core.trajectories import Trajectories
from pg.laboratory.distances import divergence
from pg.learning.policies import Policy
from pg.parts.limits.base import Limit


@dataclass(frozen=True, slots=True)
class Move:
    """The mean KL divergence that one update came to, in the direction that its limit has.

    Attributes
    ----------
    on_batch
        Over the states of the batch that the update learned from: what a limit holds.
    on_fresh
        Over the states of other trajectories of the same policy: what the limit is meant for.
    """

    on_batch: float
    on_fresh: float

    @classmethod
    def of(cls, before: Policy, after: Policy, batch: Trajectories, fresh: Trajectories, kl: Limit | None) -> Move:
        r"""Measure an update of π_θ to π_θ'; one without a limit as $\mathrm{KL}(\pi_{\theta'} \Vert \pi_\theta)$."""
        direction = "new_old" if kl is None else kl.direction
        return cls(*(divergence(before, after, trajectories, direction) for trajectories in (batch, fresh)))


def measures(gone: Sequence[Move], kl: Limit | None) -> dict[str, float]:
    """Average the updates of one variant from one policy.

    kl_on_batch and kl_on_fresh are means over the updates; kl_over_limit and fresh_kl_over_limit the same over δ,
    where the variant has a limit.
    """
    on_batch, on_fresh = fmean(one.on_batch for one in gone), fmean(one.on_fresh for one in gone)
    found = {"kl_on_batch": on_batch, "kl_on_fresh": on_fresh}
    if kl is None:
        return found
    return found | {"kl_over_limit": on_batch / kl.limit, "fresh_kl_over_limit": on_fresh / kl.limit}
