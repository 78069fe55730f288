"""What a check has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from pg.checking.diagnosis import Diagnosis

TOLERANCE = 1e-6
"""Largest relative bias of an estimator without one: sums are exact up to rounding, and a file may round to float32."""

REWARDS = "rewards"
"""The property of an estimate that depends on the rewards."""


@dataclass(frozen=True, slots=True)
class Bias:
    r"""The exact expectation of an estimate, against what it should be.

    Attributes
    ----------
    world, n, steps
        Where it was enumerated, with how many trajectories per batch, and the steps of the longest one.
    relative
        $\lVert \mathbb{E}[\hat g] - g \rVert / \lVert g \rVert$, NaN if a weight is not finite.
    worst
        The entry of the gradient that differs most, in words.
    factor
        The number times the gradient that the expectation is; NaN if it has another direction.
    is_required
        Whether it must be right; not with values that are wrong.
    """

    world: str
    n: int
    steps: int
    relative: float
    worst: str
    factor: float = float("nan")
    is_required: bool = True

    @property
    def holds(self) -> bool:
        """Whether the expectation is right up to rounding."""
        return self.relative <= TOLERANCE


@dataclass(frozen=True, slots=True)
class Variance:
    """The exact total variance of an estimate, and of built-in ones.

    Attributes
    ----------
    world, n
        As of `Bias`.
    own
        Of the checked estimator.
    plain
        Of rewards-to-go without a baseline.
    built_in
        With built-in baselines, by name.
    least
        With the best baseline of step and state.
    compared
        Of the estimator that an instructor compares it with.
    """

    world: str
    n: int
    own: float
    plain: float
    built_in: Mapping[str, float]
    least: float
    compared: float

    @property
    def removed(self) -> float:
        """The share of the variance that is removed, of what a baseline of step and state could remove."""
        return (self.plain - self.own) / (self.plain - self.least)


@dataclass(frozen=True, slots=True)
class Spread:
    """The exact total variance of an estimate from data of another policy, and those with built-in weights.

    Attributes
    ----------
    world, n
        As of `Bias`.
    own, per_decision, trajectory
        Of the checked estimator, and of rewards-to-go with these importance weights, without a baseline.
    """

    world: str
    n: int
    own: float
    per_decision: float
    trajectory: float


@dataclass(frozen=True, slots=True)
class Property:
    """Something that an estimator should be, and whether this one is; the sentence says what was seen.

    A property that is not required may fail without a mistake.
    """

    name: str
    holds: bool
    sentence: str
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of a check.

    Attributes
    ----------
    file, name, kind, expects
        What was checked, and what its estimate should be on average (see `pg.checking.worlds.EXPECTATIONS`).
    equals
        The built-in estimator that it should equal in every batch; empty if it may be any.
    fault
        Why it could not be checked; empty if it could.
    line
        The line of the file where the fault was.
    biases, variances, properties
        Of each world and number of trajectories.
    diagnosis
        The mistake that it makes, where it is known; also of a correct estimator, which makes none.
    hint
        What is known of a mistake that has no name.
    spreads
        Variances under another policy.
    cost
        Seconds for a batch of 8 trajectories of 50 steps over those of the built-in one; NaN if it was not measured.
    printed
        The first lines that the file printed.
    """

    file: str
    name: str
    kind: str = ""
    expects: str = ""
    equals: str = ""
    fault: str = ""
    line: str = ""
    biases: tuple[Bias, ...] = ()
    variances: tuple[Variance, ...] = ()
    properties: tuple[Property, ...] = ()
    diagnosis: Diagnosis | None = None
    hint: str = ""
    spreads: tuple[Spread, ...] = ()
    cost: float = float("nan")
    printed: str = field(default="", compare=False)

    @property
    def depends_on_rewards(self) -> bool:
        """Whether other rewards give another estimate."""
        return all(one.holds for one in self.properties if one.name == REWARDS)

    @property
    def is_unbiased(self) -> bool:
        """Whether every expectation is as it should be, with exact values where it reads any."""
        return bool(self.biases) and all(bias.holds for bias in self.biases if bias.is_required)

    @property
    def bootstraps(self) -> bool:
        """Whether it is right on average with exact values alone."""
        return self.is_unbiased and not all(bias.holds for bias in self.biases)

    @property
    def passes(self) -> bool:
        """Whether it could be checked, is right on average, and has every required property."""
        has_properties = all(one.holds or not one.is_required for one in self.properties)
        return not self.fault and self.is_unbiased and has_properties

    def __str__(self) -> str:
        """Return the findings as text."""
        # Imported here because most processes that check print nothing.
        from pg.checking.table import text

        return text(self)

    def as_record(self) -> dict[str, Any]:
        """Return the findings as plain data, for JSON."""
        record = asdict(self) | {"passes": self.passes, "is_unbiased": self.is_unbiased}
        if self.diagnosis is not None:
            record["diagnosis"] = asdict(self.diagnosis) | {"words": self.diagnosis.words}
        return _without_nan(record)


def _without_nan(value: Any) -> Any:
    """Replace numbers that JSON has no word for by None."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
