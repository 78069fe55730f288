"""One weight per trajectory, the product of all its ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.corrections.base import ImportanceWeight, Ratios
from pg.parts.corrections.weights import NonFiniteWeights, steps_where

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor


class Trajectory(ImportanceWeight):
    r"""Weight a trajectory by the product of its ratios, $w = p_{\theta'}(\tau) / p_\theta(\tau) = \prod_t \rho_t$.

    The lecture's section "Importance sampling": start and transition probabilities cancel. Any estimate that is
    unbiased at the behaviour policy is unbiased for $\nabla J(\theta')$ under these weights.
    """

    name: str = "trajectory"
    label: ClassVar[str | None] = "trajectory weights"
    is_per_trajectory: ClassVar[bool] = True
    plain: ClassVar = (r"w_i = \prod_{t=1}^{T_i} \rho_{i,t}",)

    @property
    def is_idle_on_policy(self) -> bool:
        """True: all weights are 1 where both policies are the same."""
        return True

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N 1"]:
        """Return one weight per trajectory. Products of its first ratios alone may overflow without an error."""
        products = ratios.log_ratios.where(ratios.mask, 0).cumsum(-1)
        weights = products[..., -1:].exp()
        not_finite = ~weights.isfinite()
        if not_finite.any():
            raise NonFiniteWeights(int(steps_where(not_finite & ~products.exp().isfinite())[0]))
        return weights

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithm of each trajectory's weight."""
        return ratios.log_ratios.sum(-1).flatten()
