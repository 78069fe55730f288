"""The effect is within a margin of the null value."""

from __future__ import annotations

from pg.claims.relations.relation import Target, TestAt, Tested, Write


class Equal(Tested):
    """Equivalence, tested by two one-sided tests at 5 %, which the 90 % interval shows.

    "Within the margin" and "beyond one of its ends" cannot both be true, so the smaller p-value counts once.

    Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680.
    """

    name = "equal"
    needs_margin = True
    sign = "="
    level = 0.9
    sides = 1

    def p_values(self, test: TestAt, target: Target) -> tuple[float, float]:
        """Return the p-values of "within the margin" and of "beyond one of its ends".

        They are below 0.05 exactly if the 90 % interval is wholly within the margin, and wholly outside.
        """
        low, high = map(test, self.tested_values(target))
        return max(low.p_greater, high.p_less), min(low.p_less, high.p_greater)

    def statement(self, quantity: str, target: Target) -> str:
        """Write the relation, like "a − b = 0 ± 0.1 (90 % interval)"."""
        return f"{super().statement(quantity, target)} ± {target.margin:g} ({100 * self.level:.0f} % interval)"

    def tested_values(self, target: Target) -> tuple[float, ...]:
        """Return both ends of the margin."""
        return target.value - target.margin, target.value + target.margin

    def demand(self, target: Target, write: Write) -> str:
        """Return both ends of the margin, like "−1.1 to −0.9"."""
        return " to ".join(map(write, self.tested_values(target)))
