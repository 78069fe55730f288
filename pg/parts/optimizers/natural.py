"""Ascent along the natural gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pg.parts.limits.natural_gradient import CURVATURE_STATES, solved_by_fisher
from pg.parts.optimizers.sgd import Sgd

if TYPE_CHECKING:
    from pg.learning.updates import Ascent, Minibatch
    from pg.parts.annotations import Float, Tensor, Variant


class Natural(Sgd):
    r"""Ascent along the natural gradient with a step size of its own, $\theta + \alpha F^{-1} g$.

    F is the Fisher matrix of a trajectory's probability, $\mathbb{E}[\sum_t \nabla \log \pi(a_t \mid s_t) \nabla \log
    \pi(a_t \mid s_t)^\top]$, averaged over the batch's states (at most 1,000) and all actions. The gradient is
    clipped first. The equation is solved as in `solved_by_fisher`.

    Kakade 2001, "A natural policy gradient", section 2; Bagnell & Schneider 2003, "Covariant policy search", section 4.
    """

    name: str = "natural"
    label: ClassVar[str | None] = "natural gradient"

    def direction(self, ascent: Ascent, minibatch: Minibatch, penalty: float) -> Float[Tensor, " D"]:
        """Return $F^{-1} g$ at the present parameters."""
        gradient = super().direction(ascent, minibatch, penalty)
        divergence = ascent.divergence_from_here(minibatch, CURVATURE_STATES)
        steps_per_trajectory = minibatch.trajectories.mask.sum() / minibatch.behaviour.shape[1]
        return solved_by_fisher(ascent.theta, gradient, divergence) / steps_per_trajectory

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse limits that compute the step."""
        yield from super().problems(variant)
        if variant.kl is not None and variant.kl.chooses_step:
            yield f"optimizer: natural and kl.hold_by: {variant.kl.name} both choose the direction; leave one out"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the step and the Fisher matrix."""
        score = r"\nabla_\theta \log \pi_\theta(\mathbf{a}_t \mid \mathbf{s}_t)"
        return (
            r"\theta' = \theta + \alpha F^{-1} \mathbf{g}",
            rf"F = \mathbb{{E}} \left[ \sum_{{t=1}}^{{T}} {score} \, {score}^\top \right]",
            *super().definitions(variant),
        )
