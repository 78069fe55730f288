"""Stop an update before the first step that breaks the limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.limits.base import Limit

if TYPE_CHECKING:
    from pg.learning.updates import Ascent, Minibatch


class EarlyStop(Limit):
    """Stop before the first step that breaks the limit."""

    name: str = Field(default="early_stop", alias="hold_by")
    label: ClassVar[str | None] = "KL stop"

    def take_steps(self, ascent: Ascent, minibatches: Iterable[Minibatch], _state: dict[str, float], /) -> float:
        """Take steps until one breaks the limit, and undo that one."""
        kept = 0
        for minibatch in minibatches:
            before = ascent.position()
            ascent.step(minibatch)
            # NaN counts as a broken limit.
            if not ascent.kl() <= self.limit:
                ascent.move_to(before)
                break
            kept += 1
        return float(kept)

    def held_by(self) -> tuple[str, ...]:
        """Return the condition on every step."""
        return (r"\bar{D} \leq \delta \quad \text{at every step that is kept}",)
