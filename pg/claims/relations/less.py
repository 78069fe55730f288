"""The effect is below the null value."""

from __future__ import annotations

from pg.claims.relations.relation import Target, TestAt, Tested, Write


class Less(Tested):
    """A two-sided test of a direction: "less" supports the claim, "greater" refutes it."""

    name = "less"
    sign = "<"

    def p_values(self, test: TestAt, target: Target) -> tuple[float, float]:
        """Return the one-sided p-values of "less" and of "greater"."""
        result = test(target.value)
        return result.p_less, result.p_greater

    def demand(self, target: Target, write: Write) -> str:
        """Return "less than" with the value."""
        return f"less than {write(target.value)}"
