"""The base classes of relations: sign, need of a margin, and the decision.

| relation | p in favour | p against | reported p | interval |
|---|---|---|---|---|
| less, greater | one-sided, declared direction | one-sided, opposite direction | twice the smaller | 95 % |
| equal | both one-sided tests against the margin's ends (TOST) | beyond one of the ends | the smaller | 90 % |
| exact | none: every row within the tolerance | | | |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from pg.core.signs import signed
from pg.statistics.intervals import LEVEL, Array, Test

Write = Callable[[float], str]
"""Writes a value with its unit."""
TestAt = Callable[[float], Test]
"""Tests an effect against a given null value."""


class Target(NamedTuple):
    """The value that an effect is compared with, and how far from it the effect may be.

    Attributes
    ----------
    value
        The null value, or the reference.
    margin
        Margin of an equality, tolerance of an exact claim; 0 for a direction.
    """

    value: float
    margin: float = 0.0


class Relation(ABC):
    """The declared relation of a to b, or to a reference.

    Attributes
    ----------
    name
        As in a study file.
    needs_margin
        Whether a part must give `margin`; otherwise it must not.
    """

    name: ClassVar[str]
    needs_margin: ClassVar[bool] = False

    def problem(self, margin: float | None) -> str:
        """Return what is wrong with a margin; an empty text if nothing is."""
        if self.needs_margin and margin is None:
            return f"relation: {self.name} needs a margin"
        if not self.needs_margin and margin is not None:
            return f"relation: {self.name} has no margin; shift the reference instead"
        return ""

    @abstractmethod
    def statement(self, quantity: str, target: Target) -> str:
        """Write the relation of a quantity to its target."""

    def demand(self, target: Target, write: Write) -> str:
        """Say for a sentence which values satisfy the relation, like "more than 50 %"."""
        del write
        return self.statement("the value", target)


class Tested(Relation):
    """A relation that a statistical test decides in each environment and stage.

    Attributes
    ----------
    sign
        Between the quantity and the null value.
    level
        Confidence level of the interval.
    sides
        The reported p-value is the smaller one times this number: 2 for a two-sided test, 1 where the two null
        hypotheses cannot both be true.
    """

    sign: ClassVar[str]
    level: ClassVar[float] = LEVEL
    sides: ClassVar[int] = 2

    @abstractmethod
    def p_values(self, test: TestAt, target: Target) -> tuple[float, float]:
        """Return the p-value in favour of the relation and the one against it."""

    def statement(self, quantity: str, target: Target) -> str:
        """Write the relation, like "a − b > 0"."""
        return f"{quantity} {self.sign} {signed(target.value)}"

    def agrees(self, effect: float, target: Target) -> bool:
        """Return whether an effect that is known exactly satisfies the relation; not if it is undefined."""
        p_for, _ = self.p_values(lambda null: _known(effect, null), target)
        return p_for == 0

    def tested_values(self, target: Target) -> tuple[float, ...]:
        """Return the null values of the tests."""
        return (target.value,)


def _known(effect: float, null: float) -> Test:
    # An effect that is NaN is neither below nor above.
    p_less, p_greater = float(not effect < null), float(not effect > null)
    return Test(effect, effect, effect, 0, "known", p_less, p_greater)


class Tolerance(Relation):
    """A relation that every single row has to satisfy: no test, no interval, no adjustment."""

    needs_margin = True

    @abstractmethod
    def holds(self, deviations: Array, target: Target) -> bool:
        """Return whether rows (n,) that deviate this much from the target satisfy the relation."""
