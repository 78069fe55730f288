"""The effect is above the null value."""

from __future__ import annotations

from pg.claims.relations.relation import Target, TestAt, Tested, Write


class Greater(Tested):
    """A two-sided test of a direction: "greater" supports the claim, "less" refutes it."""

    name = "greater"
    sign = ">"

    def p_values(self, test: TestAt, target: Target) -> tuple[float, float]:
        """Return the one-sided p-values of "greater" and of "less"."""
        result = test(target.value)
        return result.p_greater, result.p_less

    def demand(self, target: Target, write: Write) -> str:
        """Return "more than" with the value."""
        return f"more than {write(target.value)}"
