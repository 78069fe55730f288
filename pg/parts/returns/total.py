"""The return of the whole trajectory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.discounting import total_return
from pg.parts.returns.base import Returns

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class Total(Returns):
    r"""The total return, $R = \sum_{t'} \gamma^{t'} r_{t'}$, at every step (the lecture, "Can we get the gradient")."""

    name: str = "total"
    label: ClassVar[str | None] = "total"

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse to discount states twice."""
        if variant.discount_states:
            yield "discount_states: true needs returns: to_go; total returns are already discounted from step 0"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return $R_i$ at each valid step."""
        return total_return(batch.rewards, batch.mask, batch.discount)

    def formula(self, variant: Variant, trajectory: str) -> str:
        """Write the sum of all rewards."""
        return notation.total(variant, trajectory, "t'")
