"""Returns corrected by the ratios of later steps, for weights that correct a single step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from pg.parts.corrections.base import ImportanceWeight, Ratios
from pg.parts.corrections.weights import NonFiniteWeights, steps_where
from pg.parts.discounting import later
from pg.parts.notation import scaled, score, to_go

if TYPE_CHECKING:
    from pg.parts.annotations import Bool, Float, Tensor, Variant


class WeightOfStep(ImportanceWeight):
    """A weight per step, with the option to correct later rewards as well."""

    future_correction: bool = Field(
        default=False, description="Weight later rewards by the product of later ratios (returns: to_go)."
    )

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse to correct returns other than rewards-to-go."""
        yield from super().problems(variant)
        if self.future_correction and variant.returns.name != "to_go":
            yield "future_correction: true needs returns: to_go; it weights each later reward"

    def weighted_returns(
        self, ratios: Ratios, weights: Float[Tensor, "S N #T"], returns: Float[Tensor, "S N T"], discount: float
    ) -> Float[Tensor, "S N T"]:
        """Return the weighted returns, with rewards corrected by later ratios if the option is on."""
        if not self.future_correction:
            return weights * returns
        return weights * future_corrected(ratios.trajectories.rewards, ratios.log_ratios, ratios.mask, discount)

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the weight, the score and the advantage, with later ratios if the option is on."""
        if not self.future_correction:
            return super().weighted_score(variant, policy)
        symbol = variant.baseline.symbol
        earned = to_go(variant, "i", r"\left( \prod_{t''=t+1}^{t'} \rho_{i,t''} \right)")
        subtracted = (f" - {symbol}" if symbol else "") + (r" - \bar{A}" if variant.normalise_advantages else "")
        weight = scaled(variant, rf"\left( {earned}{subtracted} \right)")
        return rf"{self.weight_symbol('i', 't')} \, {score('i', policy)} {weight}"


def future_corrected(
    rewards: Float[Tensor, "S N T"],
    log_ratios: Float[Tensor, "S N T"],
    mask: Bool[Tensor, "S N T"],
    discount: float = 1.0,
) -> Float[Tensor, "S N T"]:
    r"""Correct the reward-to-go by later ratios, $\sum_{t' \ge t} \gamma^{t'-t} \rho_{t+1} \cdots \rho_{t'} r_{t'}$.

    Raises
    ------
    NonFiniteWeights
        If a corrected return is not finite. The error names the last such step: returns depend on later steps.

    Notes
    -----
    Its expectation given $s_t, a_t$ is $Q_{\theta'}$, while that of the plain reward-to-go is $Q_\theta$. Built by
    doubling as `reward_to_go` is, together with the logarithm of the factor that multiplies $G_{t+k}$ at step t.
    """
    factors = later(log_ratios.where(mask, -math.inf), 1, -math.inf) + math.log(discount)
    to_go, reach = rewards * mask, 1
    while reach < mask.shape[-1]:
        to_go = to_go + factors.exp() * later(to_go, reach)
        factors = factors + later(factors, reach, -math.inf)
        reach *= 2
    not_finite = ~to_go.isfinite()
    if not_finite.any():
        raise NonFiniteWeights(int(steps_where(not_finite)[-1]))
    return to_go
