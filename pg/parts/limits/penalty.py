r"""Subtract a multiple of the KL divergence from the surrogate, and adapt the factor after each update."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.limits.base import Limit

if TYPE_CHECKING:
    from pg.learning.updates import Ascent, Minibatch
    from pg.parts.annotations import Variant

_BAND = 1.5
_CHANGE = 2.0
_LEAST, _LARGEST = 1e-8, 1e8
_FACTOR = "penalty"


class Penalty(Limit):
    r"""Follow the gradient of $\tilde J - \beta \bar D$, with β adapted so that $\bar D$ is near δ.

    β starts at 1, is doubled after an update with $\bar D > 1.5 \delta$, halved after one with $\bar D < \delta / 1.5$,
    and stays between 1e-8 and 1e8, so that it can recover. A single update may exceed the limit. Schulman et al. 2017,
    "Proximal policy optimization algorithms", section 4.
    """

    name: str = Field(default="penalty", alias="hold_by")
    label: ClassVar[str | None] = "KL penalty"

    def problems(self, variant: Variant) -> Iterable[str]:
        """Refuse a single step, in which the penalty's gradient is 0."""
        if variant.gradient_steps == variant.minibatches == 1:
            yield (
                "kl.hold_by: penalty changes nothing in a single step, where its gradient is 0; "
                "set gradient_steps or minibatches above 1"
            )

    def take_steps(self, ascent: Ascent, minibatches: Iterable[Minibatch], state: dict[str, float]) -> float:
        """Take all steps with the penalty, then adapt its factor."""
        factor, taken = state.get(_FACTOR, 1.0), 0
        for minibatch in minibatches:
            ascent.step(minibatch, factor)
            taken += 1
        state[_FACTOR] = self.adapted(factor, ascent.kl())
        return float(taken)

    def adapted(self, factor: float, kl: float) -> float:
        """Return the factor for the next update, given the KL divergence after this one."""
        if kl > self.limit * _BAND:
            return min(factor * _CHANGE, _LARGEST)
        if kl < self.limit / _BAND:
            return max(factor / _CHANGE, _LEAST)
        return factor

    def held_by(self) -> tuple[str, ...]:
        """Return the objective that is followed."""
        objective = r"\nabla_{\theta'} \left( J(\theta') - \beta \, \bar{D} \right)"
        return (rf"{objective} \quad \text{{is followed, with }} \beta \text{{ adapted to }} \bar{{D}} \approx \delta",)
