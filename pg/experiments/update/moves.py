"""Measure the KL divergence of an update: on its own batch, where the limit applies, and on fresh trajectories."""

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
    """The mean KL divergence of one update, in the direction of its limit.

    Attributes
    ----------
    on_batch
        Over the states of the update's batch, to which a limit applies.
    on_fresh
        Over the states of other trajectories of the same policy, which the limit should bound too.
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

    kl_on_batch and kl_on_fresh are means over the updates; kl_over_limit and fresh_kl_over_limit are the same
    divided by δ, if the variant has a limit.
    """
    on_batch, on_fresh = fmean(one.on_batch for one in gone), fmean(one.on_fresh for one in gone)
    found = {"kl_on_batch": on_batch, "kl_on_fresh": on_fresh}
    if kl is None:
        return found
    return found | {"kl_over_limit": on_batch / kl.limit, "fresh_kl_over_limit": on_fresh / kl.limit}
