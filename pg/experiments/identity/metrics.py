"""The metrics of the surrogate's gradient and its explicit forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pg.experiments.metric import Metric

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from pg.experiments.identity.measure import Forms


def relative_difference(found: Float[Tensor, " D"], form: Float[Tensor, " D"]) -> float:
    r"""Return $\lVert \hat g - g \rVert / \lVert g \rVert$: 0 if both are zero, NaN if only g is zero."""
    distance, size = (found - form).norm().item(), form.norm().item()
    if size > 0:
        return distance / size
    return 0.0 if distance == 0 else math.nan


METRICS: tuple[Metric[Forms], ...] = (
    Metric(
        "explicit_difference",
        "relative difference to the explicit sum",
        "‖∇J̃ − g‖ / ‖g‖, where ∇J̃ is the gradient of the surrogate that training follows, and g the explicit sum over "
        "trajectories and steps.",
        of=lambda forms: relative_difference(forms.surrogate, forms.explicit[0]),
        noun="the relative difference between the surrogate’s gradient and the explicit sum",
    ),
    Metric(
        "backward_passes",
        "backward passes of the explicit sum",
        "Number of backward passes for the explicit sum over trajectories and steps; the surrogate needs one.",
        of=lambda forms: forms.explicit[1],
        never_negative=True,
        noun="the number of backward passes of the explicit sum",
    ),
    Metric(
        "imitation_difference",
        "relative difference to weighted imitation",
        "The same as `explicit_difference`, where g is the gradient of imitation weighted by the advantages. For "
        "Gaussian policies only the parameters of the mean are compared.",
        of=lambda forms: forms.imitation_difference(forms.weights),
        noun="the relative difference between the policy gradient and the weighted imitation gradient",
    ),
    Metric(
        "cloning_difference",
        "relative difference to behaviour cloning at weights 1",
        "The same as `imitation_difference`, where all weights are 1 on both sides, so that g is the gradient of "
        "behaviour cloning.",
        of=lambda forms: forms.imitation_difference(forms.weights.new_ones(forms.weights.shape)),
        noun="the relative difference from the gradient of behaviour cloning when all weights are 1",
    ),
)
