"""The effect is below the null value."""

from __future__ import annotations

from collections.abc import Callable

from pg.claims.relations.relation import Target, Tested
from pg.statistics.intervals import Test


class Less(Tested):
    """A two-sided test of a direction: "less" supports the claim, "greater" refutes it."""

    name = "less"
    sign = "<"

    def p_values(self, test: Callable[[float], Test], target: Target) -> tuple[float, float]:
        """Return the one-sided p-values of "less" and of "greater"."""
        result = test(target.value)
        return result.p_less, result.p_greater
