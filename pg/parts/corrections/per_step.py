"""One weight per step: the ratio of its action, with PPO's clipping as an option."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat

from pg.parts.corrections.base import Ratios
from pg.parts.corrections.future import WeightOfStep
from pg.parts.corrections.weights import finite
from pg.parts.notation import NORMALISED, advantage

if TYPE_CHECKING:
    from pg.parts.annotations import Bool, Float, Tensor, Variant


class PerStep(WeightOfStep):
    r"""Weight step t by its own ratio, $\rho_t$.

    The lecture's section "Off-policy version of policy gradient", in its final form: the ratio of the states'
    probabilities is taken as 1. With rewards-to-go of the behaviour policy the expectation is $\sum_t \sum_s
    d_{\theta,t}(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$, not $\nabla J(\theta')$.
    """

    name: str = "per_step"
    expects: ClassVar = "surrogate"
    label: ClassVar[str | None] = "per-step ratios"
    clip: PositiveFloat | None = Field(default=None, description="ε of PPO's clipped surrogate.")
    letter: ClassVar[str] = r"\rho"
    plain: ClassVar = ()

    @property
    def is_idle_on_policy(self) -> bool:
        """Whether returns are uncorrected: the corrected ones are summed in another order."""
        return not self.future_correction

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse to clip a ratio that another option changes."""
        yield from super().problems(variant)
        others = ("truncate_at", "power_mean", "self_normalised", "future_correction")
        if self.clip is not None and any(getattr(self, name) for name in others):
            yield f"clip cannot be combined with {', '.join(others[:-1])} or {others[-1]}; remove one"

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N T"]:
        """Return one weight per step."""
        return finite(ratios.log_ratios.where(ratios.mask, -math.inf).exp())

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithm of each step's ratio."""
        return ratios.log_ratios[ratios.mask]

    def keeps(self, ratios: Ratios, advantages: Float[Tensor, "S N T"]) -> Bool[Tensor, "S N T"] | None:
        """Return where the clipped surrogate has a gradient; None if nothing is clipped."""
        return None if self.clip is None else unclipped(ratios.log_ratios, advantages, self.clip)

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the gradient of the clipped surrogate, or the plain term."""
        if self.clip is None:
            return super().weighted_score(variant, policy)
        clipped = r"\mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon) \, \hat{A}_{i,t}"
        return rf"\nabla_{{\theta'}} \min \left( \rho_{{i,t}} \hat{{A}}_{{i,t}}, \, {clipped} \right)"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the ratio, and for the clipped surrogate the advantage and ε."""
        defined = super().definitions(variant)
        if self.clip is None:
            return defined
        clipped = NORMALISED if variant.normalise_advantages else advantage(variant)
        return (*defined, rf"\hat{{A}}_{{i,t}} = {clipped}", rf"\epsilon = {self.clip:g}")


def unclipped(
    log_ratios: Float[Tensor, "S N T"], advantages: Float[Tensor, "S N T"], clip: float
) -> Bool[Tensor, "S N T"]:
    r"""Return where PPO's clipped surrogate has a gradient.

    $\min(\rho A, \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A)$ has the gradient $\rho A \nabla \log
    \pi_{\theta'}$, and none where the ratio is already more than ε from 1 on the side that the advantage favours.

    Notes
    -----
    Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7.
    """
    ratios = log_ratios.exp()
    return ~(((advantages > 0) & (ratios > 1 + clip)) | ((advantages < 0) & (ratios < 1 - clip)))
