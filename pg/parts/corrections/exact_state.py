"""One weight per step: the ratio of its action times the ratio of its state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pg.parts.corrections.base import Ratios
from pg.parts.corrections.future import WeightOfStep
from pg.parts.corrections.weights import finite

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor


class ExactState(WeightOfStep):
    r"""Weight step t by the ratios of its state and action, $d_{\theta',t}(s_t) / d_{\theta,t}(s_t) \, \rho_t$.

    The lecture's section "Off-policy version of policy gradient", before the ratio of the states' probabilities is
    taken as 1. With rewards-to-go of the behaviour policy the expectation is $\sum_t \sum_s d_{\theta',t}(s) \sum_a
    \nabla \pi_{\theta'}(a \mid s) Q_{\theta,t}(s, a)$; with corrected ones it is $\nabla J(\theta')$.
    """

    name: str = "exact_state"
    expects: ClassVar = "surrogate_of_target_states"
    label: ClassVar[str | None] = "exact state ratios"
    needs_state_ratios: ClassVar[bool] = True
    plain: ClassVar = (
        r"w_{i,t} = \frac{d_{\theta',t}(\mathbf{s}_{i,t})}{d_{\theta,t}(\mathbf{s}_{i,t})} \, \rho_{i,t}",
        r"d_{\theta,t}(\mathbf{s}) = p_\theta(\mathbf{s}_t = \mathbf{s})",
    )

    @property
    def is_idle_on_policy(self) -> bool:
        """Whether returns are uncorrected: the corrected ones are summed in another order."""
        return not self.future_correction

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N T"]:
        """Return one weight per step."""
        actions = finite(ratios.log_ratios.where(ratios.mask, -math.inf).exp())
        return finite(actions * _known(ratios).where(ratios.mask, 0))

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithm of each step's weight."""
        return (ratios.log_ratios + _known(ratios).log())[ratios.mask]


def _known(ratios: Ratios) -> Float[Tensor, "S N T"]:
    if ratios.state_ratios is None:
        raise ValueError("importance: exact_state needs the ratios of the states' probabilities")
    return ratios.state_ratios
