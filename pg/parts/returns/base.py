"""The base class of returns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pg.parts.part import Part

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class Returns(Part):
    """The weight of each log-likelihood before a baseline is subtracted, $W_t$."""

    needs_values: ClassVar[bool] = False
    """Whether it reads `batch.state_values`, the values that the baseline subtracts."""

    @property
    def bootstraps(self) -> bool:
        """Whether returns bootstrap from the value after truncation."""
        return False

    @abstractmethod
    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return $W_t$ of each step, zero after the last step of each trajectory."""

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse baselines without state values if the returns are computed from state values."""
        if self.needs_values and variant.baseline.values_from is None:
            yield (
                f"returns: {self.name} is computed from state values and needs baseline: value_network or exact, "
                f"not {variant.baseline.name}"
            )

    def formula(self, _variant: Variant, trajectory: str, /) -> str:
        """Write the return of step t of a trajectory in LaTeX."""
        return rf"W_{{{trajectory},t}}"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the symbol of the default formula by the name of the class; any other formula has no symbol."""
        return self._named(self.formula(variant, "i")) if type(self).formula is Returns.formula else ()
