"""No baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor


class NoBaseline(Baseline):
    """Subtract nothing."""

    name: str = "none"
    label: ClassVar[str | None] = ""
    symbol: ClassVar[str] = ""
    made_from_batch: ClassVar[bool] = False

    def __call__(self, batch: Batch) -> Float[Tensor, "1 1 1"]:
        """Return 0."""
        return batch.rewards.new_zeros(1, 1, 1)
