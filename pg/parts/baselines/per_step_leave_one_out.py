"""The average return of the other trajectories at each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.baselines.base import Baseline
from pg.parts.baselines.leave_one_out import mean_of_others

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class PerStepLeaveOneOut(Baseline):
    r"""The average return of the other trajectories at each step, $b_{i,t} = \frac{1}{N-1} \sum_{j \ne i} W_{j,t}$.

    Finished trajectories count as 0. $\mathbb{E}[\hat g] = \nabla J$.
    """

    name: str = "per_step_leave_one_out"
    label: ClassVar[str | None] = "per-step leave-one-out"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return one number per step; needs N of at least 2."""
        return mean_of_others(batch.returns, batch.batches)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the average over the others."""
        condition = "" if variant.returns.name == "to_go" else r" : T_j \geq t"
        others = notation.mean_of_others(variant, condition)
        return (rf"b_{{i,t}} = {others} {variant.returns.formula(variant, 'j')}",)
