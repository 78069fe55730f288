"""A constant baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class Constant(Baseline):
    r"""A constant, $b$ (the lecture, "Introducing baselines"). $\mathbb{E}[\hat g] = \nabla J$."""

    name: str = "constant"
    value: float = Field(description="The number that is subtracted.")
    symbol: ClassVar[str] = "b"
    made_from_batch: ClassVar[bool] = False

    def __call__(self, batch: Batch) -> Float[Tensor, "1 1 1"]:
        """Return the constant."""
        return batch.rewards.new_full((1, 1, 1), self.value)

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Give its value."""
        return (f"b = {self.value:g}",)
