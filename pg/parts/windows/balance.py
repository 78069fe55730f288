"""The balance heuristic: ratios to the mixture of the window's policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.notation import probability
from pg.parts.windows.base import Window

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor, Variant


class Balance(Window):
    r"""Divide by the mixture of the window's policies, as if each trajectory were by one of them, drawn at random.

    Veach & Guibas 1995, "Optimally combining sampling techniques for Monte Carlo rendering". The mixture is a policy
    that remembers what it did: with $p_j$ the product of the probabilities of the actions up to a step,

    $$\bar\pi(a_t \mid s_0, a_0, \dots, s_t) = \sum_j p_j(0:t) \big/ \sum_j p_j(0:t-1).$$

    The product of the ratios over a trajectory is the balance heuristic's weight, $w = p_{\theta'}(\tau) \big/
    \frac{1}{\omega} \sum_j p_{\theta_j}(\tau)$; that of the first t ratios is the weight of the first t steps. So each
    correction has the expectation that it has for one policy, with $\bar\pi$ as the behaviour policy. At $\theta' =
    \theta_\omega$ no product exceeds ω.
    """

    name: str = "balance"
    label: ClassVar[str | None] = ""

    def __call__(self, log_probs: Float[Tensor, "B S N T"]) -> Float[Tensor, "S N T"]:
        r"""Return $\log \sum_j q_{j,t} \pi_{\theta_j}(a_t \mid s_t)$.

        Given the actions before step t, $q_{j,t}$ is the probability that policy j collected the trajectory.
        """
        # In double precision: sums over long trajectories differ by much less than they measure.
        steps = log_probs.double()
        before = steps.roll(1, -1)
        before[..., 0] = 0
        posterior = before.cumsum(-1).log_softmax(0)
        return (posterior + steps).logsumexp(0).to(log_probs.dtype)

    def probability(self, trajectory: str, /) -> str:
        """Write the symbol of the mixture's probability."""
        return rf"\bar{{\pi}}_{{{trajectory},t}}"

    def definitions(self, variant: Variant, /) -> tuple[str, ...]:
        """Define the mixture."""
        action = probability(r"\theta_j", "i", "t'")
        above, below = (rf"\sum_{{j=1}}^{{\omega}} \prod_{{t'=1}}^{{{last}}} {action}" for last in ("t", "t-1"))
        return (rf"{self.probability('i')} = \frac{{{above}}}{{{below}}}", *super().definitions(variant))
