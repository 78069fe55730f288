"""The rewards from a step on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts import notation
from pg.parts.discounting import reward_to_go
from pg.parts.returns.base import Returns

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class ToGo(Returns):
    r"""The reward-to-go, $G_t = \sum_{t' \ge t} \gamma^{t'-t} r_{t'}$ (the lecture, "Using causality")."""

    name: str = "to_go"
    label: ClassVar[str | None] = "to-go"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return $G_t$ of each step."""
        return reward_to_go(batch.rewards, batch.mask, batch.discount)

    def formula(self, variant: Variant, trajectory: str) -> str:
        """Write the sum of the rewards from t on."""
        return notation.to_go(variant, trajectory)
