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
        return mean_of_others(batch.totals).unsqueeze(-1)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the average over the others."""
        return (rf"b_i = \frac{{1}}{{N-1}} \sum_{{j \neq i}} {notation.total(variant, 'j', 't')}",)


def mean_of_others(values: Float[Tensor, "S N *T"]) -> Float[Tensor, "S N *T"]:
    r"""Return $\frac{1}{N-1} \sum_{j \ne i} x_j$ for each trajectory i; N is at least 2."""
    return (values.sum(1, keepdim=True) - values) / (values.shape[1] - 1)
