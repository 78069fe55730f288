"""The average return of the other trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class LeaveOneOut(Baseline):
    r"""The average return of the other trajectories, $b_i = \frac{1}{N-1} \sum_{j \ne i} R_j$.

    Kool, van Hoof & Welling 2019, "Buy 4 REINFORCE samples, get a baseline for free!". $\mathbb{E}[\hat g] = \nabla J$.
    """

    name: str = "leave_one_out"
    label: ClassVar[str | None] = "leave-one-out mean R"
    symbol: ClassVar[str] = "b_i"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N 1"]:
        """Return one number per trajectory; needs N of at least 2."""
        return mean_of_others(batch.totals, batch.batches).unsqueeze(-1)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the average over the others."""
        return (rf"b_i = {notation.mean_of_others(variant)} {notation.total(variant, 'j', 't')}",)


def mean_of_others(values: Float[Tensor, "S N *T"], batches: int = 1) -> Float[Tensor, "S N *T"]:
    r"""Return $\frac{1}{N-1} \sum_{j \ne i} x_j$ for each trajectory i; N is at least 2.

    If ω batches by different policies are joined, it is the average over the batches $B_k$ of their means without i,
    $\frac{1}{\omega} \sum_k \frac{1}{|B_k \setminus i|} \sum_{j \in B_k \setminus i} x_j$. Its expectation is the same
    for all trajectories, whatever their batch, as the weights of a mixture of policies require.
    """
    each = values.reshape(len(values), batches, -1, *values.shape[2:])
    sums, count = each.sum(2, keepdim=True), each.shape[2]
    own, means = (sums - each) / (count - 1), sums / count
    return ((own + (means.sum(1, keepdim=True) - means)) / batches).reshape(values.shape)
