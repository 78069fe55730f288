"""What every kind of return offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.parts.notation import escaped
from pg.parts.part import Part

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from pg.parts.batch import Batch
    from pg.parts.variant import Variant


class Returns(Part):
    """What weights each log-likelihood before a baseline is subtracted, $W_t$."""

    @property
    def bootstraps(self) -> bool:
        """Whether the value of what follows truncation counts."""
        return False

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return $W_t$ of each step, zero after the last step of each trajectory."""
        raise NotImplementedError

    def formula(self, variant: Variant, trajectory: str) -> str:
        """Write the return of step t of a trajectory in LaTeX."""
        del variant
        return rf"W_{{{trajectory},t}}"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the symbol of the default formula by the name of the class."""
        return (rf"{self.formula(variant, 'i')} = \text{{{escaped(type(self).__name__)}}}",)
