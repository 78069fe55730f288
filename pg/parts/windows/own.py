"""Ratios to the policy that collected each trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.notation import probability
from pg.parts.windows.base import Window

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor, Variant


class Own(Window):
    r"""Divide by the probability under the policy that collected the trajectory, $\pi_{\theta_{j(i)}}$.

    The expectation is the mean over the batches of what the correction has for one policy. One policy that is far from
    θ' makes the variance large. With the correction's `power_mean` this is the estimator of RT-PG with equal weights of
    all batches: Montenegro, Mansutti, Mussi, Papini & Metelli 2025, "Reusing trajectories in policy gradients enables
    fast convergence".
    """

    name: str = "own"
    label: ClassVar[str | None] = "own policies"

    def __call__(self, log_probs: Float[Tensor, "B S N T"]) -> Float[Tensor, "S N T"]:
        """Return the log-probabilities of each batch under its own policy."""
        policies, seeds, count, steps = log_probs.shape
        batches = log_probs.reshape(policies, seeds, policies, -1, steps)
        return batches.diagonal(0, 0, 2).movedim(-1, 1).reshape(seeds, count, steps)

    def probability(self, trajectory: str, /) -> str:
        """Write the probability under the policy of the trajectory's batch."""
        return probability(rf"\theta_{{j({trajectory})}}", trajectory)

    def definitions(self, variant: Variant, /) -> tuple[str, ...]:
        """Say which policy that is."""
        return (r"j(i) \quad \text{the batch of trajectory } i", *super().definitions(variant))
