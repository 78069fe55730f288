"""The batch's average return at each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class PerStep(Baseline):
    r"""The batch's average return at each step, $b_t = \frac{1}{N} \sum_i W_{i,t}$.

    Finished trajectories count as 0 and stay in N: $\mathbb{E}[\hat g] = (1 - 1/N) \nabla J$. An average over the
    trajectories still running would make the factor depend on their number.
    """

    name: str = "per_step"
    expects: ClassVar = "shrunk"
    label: ClassVar[str | None] = "per-step mean"
    symbol: ClassVar[str] = "b_t"

    def __call__(self, batch: Batch) -> Float[Tensor, "S 1 T"]:
        """Return one number per step."""
        return batch.returns.mean(1, keepdim=True)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the average over the trajectories."""
        indices = r"_{i=1}^{N}" if variant.returns.name == "to_go" else r"_{i : T_i \geq t}"
        return (rf"b_t = \frac{{1}}{{N}} \sum{indices} {variant.returns.formula(variant, 'i')}",)
