"""The exact value of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class Exact(Baseline):
    r"""The exact value of the state, $V_t(s_t)$, from the environment's tables. $\mathbb{E}[\hat g] = \nabla J$."""

    name: str = "exact"
    label: ClassVar[str | None] = "exact V"
    symbol: ClassVar[str] = notation.VALUE
    made_from_batch: ClassVar[bool] = False
    values_from: ClassVar = "tables"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return the value of each state."""
        return batch.state_values.along

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the expectation."""
        to_go = notation.to_go(variant, "i")
        return (rf"V_t(s) = \mathbb{{E}}_{{\pi_\theta}} \left[ {to_go} \mid s_{{i,t}} = s \right]",)
