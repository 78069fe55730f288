"""The average return of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class AverageReward(Baseline):
    r"""The average return of the batch, $b = \frac{1}{N} \sum_i R_i$ (the lecture, "Introducing baselines").

    $R_i$ is the return of the whole trajectory, also where rewards-to-go weight the scores. A trajectory's own return
    enters its baseline: $\mathbb{E}[\hat g] = (1 - 1/N) \nabla J$; with a discount this holds for total returns only.
    """

    name: str = "average_reward"
    expects: ClassVar = "shrunk"
    label: ClassVar[str | None] = "mean R"
    symbol: ClassVar[str] = "b"

    def __call__(self, batch: Batch) -> Float[Tensor, "S 1 1"]:
        """Return one number per batch."""
        return batch.totals.mean(-1)[:, None, None]

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the average."""
        return (rf"b = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} {notation.total(variant, 'i', 't')}",)
