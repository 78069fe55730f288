"""Every row equals its target up to a tolerance for rounding."""

from __future__ import annotations

from pg.claims.relations.relation import Target, Tolerance
from pg.statistics.intervals import Array


class Exact(Tolerance):
    """A tolerance on every row; a value that is not finite is outside of it."""

    name = "exact"

    def holds(self, deviations: Array, target: Target) -> bool:
        """Return whether no deviation exceeds the tolerance."""
        return bool((deviations <= target.margin).all())

    def statement(self, quantity: str, target: Target) -> str:
        """Write the deviation and its bound, like "|a − 0.5| ≤ 1e-10"."""
        shift = f" {'−' if target.value > 0 else '+'} {abs(target.value):g}" if target.value else ""
        return f"|{quantity}{shift}| ≤ {target.margin:g}"
