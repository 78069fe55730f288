"""One weight per reward, the product of the ratios up to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pg.parts.corrections.base import ImportanceWeight, Ratios
from pg.parts.corrections.weights import finite
from pg.parts.discounting import reward_to_go
from pg.parts.notation import scaled, score, to_go

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor, Variant


class PerDecision(ImportanceWeight):
    r"""Weight the reward of step t by the product of the ratios up to it, $w_{0:t} = \rho_0 \cdots \rho_t$.

    Precup, Sutton & Singh 2000, "Eligibility traces for off-policy policy evaluation": what is done after a reward
    does not change its probability, so that $\sum_t \psi'_t \sum_{t' \ge t} w_{0:t'} r_{t'}$ has expectation
    $\nabla J(\theta')$.
    """

    name: str = "per_decision"
    label: ClassVar[str | None] = "per-decision weights"
    plain: ClassVar = (r"w_{i,t} = \prod_{t'=1}^{t} \rho_{i,t'}",)

    @property
    def is_idle_on_policy(self) -> bool:
        """True: all weights are 1 where both policies are the same."""
        return True

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse returns other than rewards-to-go."""
        yield from super().problems(variant)
        if variant.returns.name != "to_go":
            yield "importance: per_decision needs returns: to_go; its weights belong to single rewards"

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N T"]:
        """Return one weight per step."""
        products = ratios.log_ratios.where(ratios.mask, 0).cumsum(-1)
        return finite(products.where(ratios.mask, -math.inf).exp())

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithm of the weight of each trajectory's last step."""
        return ratios.log_ratios.sum(-1).flatten()

    def weighted_returns(
        self, ratios: Ratios, weights: Float[Tensor, "S N #T"], _returns: Float[Tensor, "S N T"], discount: float, /
    ) -> Float[Tensor, "S N T"]:
        """Return the rewards-to-go of the weighted rewards."""
        return reward_to_go(weights * ratios.trajectories.rewards, ratios.mask, discount)

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the score and the weighted rewards minus the weighted baseline."""
        parts = (variant.baseline.symbol, r"\bar{A}" if variant.normalise_advantages else "")
        subtracted = [part for part in parts if part]
        earned = to_go(variant, "i", self.weight_symbol("i", "t'"))
        if not subtracted:
            return rf"{score('i', policy)} \left( {earned} \right)"
        together = subtracted[0] if len(subtracted) == 1 else f"({' + '.join(subtracted)})"
        weight = scaled(variant, rf"\left( {earned} - {self.weight_symbol('i', 't')} \, {together} \right)")
        return f"{score('i', policy)} {weight}"
