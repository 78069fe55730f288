"""Shorten a whole update until it is within the limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.limits.base import Limit, search_back

if TYPE_CHECKING:
    from pg.learning.updates import Ascent, Minibatch


class LineSearch(Limit):
    """Take all steps, then halve the whole change of the parameters until it is within the limit."""

    name: str = Field(default="line_search", alias="hold_by")
    label: ClassVar[str | None] = "KL line search"

    def take_steps(self, ascent: Ascent, minibatches: Iterable[Minibatch], _state: dict[str, float], /) -> float:
        """Take all steps and shorten their sum; return their number times the share that was kept."""
        start, taken = ascent.position(), 0
        for minibatch in minibatches:
            ascent.step(minibatch)
            taken += 1
        if ascent.kl() <= self.limit:
            return float(taken)
        change = ascent.position() - start
        return taken * search_back(ascent, start, change, lambda: ascent.kl() <= self.limit, longest=0.5)

    def held_by(self) -> tuple[str, ...]:
        """Return the condition on the whole update."""
        return (r"\bar{D} \leq \delta \quad \text{by halving the update}",)
