"""Which known mistake an estimator makes: the recipe whose weights are the same in every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pg.checking.mistakes import Choice, Floats, Recipe, Sample, catalogue, only, recipes

_DOUBLE, _SINGLE = 1e-9, 1e-6  # rounding, by the precision that a submission computes in
_NORMALISED = 5e-3  # up to 1e-4 is added to the deviation that advantages are divided by, which may be small
_NEAR = 0.1
_LARGE = 5e-3  # roundings add up in large batches


@dataclass(frozen=True)
class Observed:
    """Batches, and the weights of a submission in them; `padding` tells whether those after the last steps count."""

    sample: Sample
    weights: Floats
    padding: bool

    def residual(self, recipe: Recipe, factor: float = 1.0) -> float:
        """Return the largest difference from a recipe's weights over the largest weight."""
        largest = float(np.abs((self.weights - factor * recipe.weights(self.sample))[self._counted]).max())
        return largest / self._scale if self._scale > 0 else largest

    # Thousands of recipes are compared with the same weights.
    @cached_property
    def _counted(self) -> NDArray[np.bool_]:
        return np.ones_like(self.sample.mask) if self.padding else self.sample.mask

    @cached_property
    def _scale(self) -> float:
        return float(np.abs(self.weights[self._counted]).max())

    @cached_property
    def rounding(self) -> float:
        """The rounding of the weights: larger if all of them are numbers of single precision."""
        single = self.weights.astype(np.float32)
        return _SINGLE if np.allclose(single, self.weights, rtol=1e-12, atol=0, equal_nan=True) else _DOUBLE

    def factor(self, recipe: Recipe) -> float:
        """Return the constant times a recipe's weights that is nearest to the observed ones."""
        expected, found = recipe.weights(self.sample)[self.sample.mask], self.weights[self.sample.mask]
        square = float(expected @ expected)
        return float(expected @ found) / square if 0 < square < np.inf else np.nan


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The recipe that an estimator equals, or the nearest one.

    Attributes
    ----------
    mistakes
        Each wrong choice: a sentence that follows "the estimator", and its equation.
    right
        The names of the right choices, by slot, where they are wanted or not the only ones.
    factor
        The constant by which the estimator is larger than the recipe.
    residual
        The largest difference of the weights over the largest weight.
    is_exact
        Whether the estimator equals the recipe, up to rounding.
    further
        The largest difference in larger batches and longer episodes, as `residual`.
    """

    mistakes: tuple[tuple[str, str], ...]
    right: Mapping[str, str]
    factor: float
    residual: float
    is_exact: bool
    further: float = 0.0

    @property
    def holds_further(self) -> bool:
        """Whether the estimator equals the recipe in larger batches and longer episodes as well."""
        return self.is_exact and self.further <= _LARGE

    @property
    def is_wrong(self) -> bool:
        """Whether it makes a mistake, or differs by a factor."""
        return bool(self.mistakes) or not np.isclose(self.factor, 1, rtol=_SINGLE)

    @property
    def words(self) -> str:
        """The diagnosis in a sentence."""
        wrong = [f"{sentence} ({equation})" for sentence, equation in self.mistakes]
        if not np.isclose(self.factor, 1, rtol=_SINGLE):
            wrong.append(f"is {self.factor:.6g} times as large")
        known = _joined(wrong)
        if self.is_exact:
            same = f"the estimator {known}" if known else f"it equals a known estimator: {self._known()}"
            if self.holds_further:
                return f"{same[0].upper()}{same[1:]}."
            apart = f"differ by up to {self.further:.2g} of the largest" if isfinite(self.further) else "are not finite"
            return f"In small batches of short episodes {same}. In larger ones it does not: weights {apart}."
        apart = f"weights differ by up to {self.residual:.2g} of the largest"
        return f"No known mistake fits. The nearest estimator {known or 'is a correct one'}; {apart}."

    def _known(self) -> str:
        named = (f"no {slot}" if name == "none" else f"{slot} {name}" for slot, name in self.right.items())
        return ", ".join(named).replace("_", " ") or "rewards-to-go"


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([*filter(None, [", ".join(parts[:-1])]), *parts[-1:]])


def diagnose(
    observed: Sequence[Observed],
    larger: Sequence[Observed] = (),
    *,
    off_policy: bool,
    discounted: bool,
    has_values: bool,
    wanted: Mapping[str, str] = MappingProxyType({}),
) -> Diagnosis | None:
    """Return the recipe with the fewest mistakes whose weights are the observed ones.

    It makes at most two mistakes, not counting the whole return, PPO's clip, or PPO's clip of ratios per step. The
    weights may differ by a constant factor. Without such a recipe the nearest one with at most one mistake is returned;
    None if it is far. What is found is compared with the weights of `larger` batches as well. In the slots of `wanted`
    only the choice of that name is right.
    """
    choices = catalogue(off_policy=off_policy, discounted=discounted, has_values=has_values)
    choices = {slot: only(slot, found, wanted.get(slot, "")) for slot, found in choices.items()}
    for recipe in _candidates(choices):
        if (residual := _residual(observed, recipe)) < _tolerance(recipe, observed):
            return _found(recipe, choices, wanted, larger, 1.0, residual, is_exact=True)
    few = [recipe for mistakes in range(2) for recipe in recipes(choices, mistakes) if recipe.sign.name == "up"]
    for recipe in few:
        factor = observed[0].factor(recipe)
        if np.isfinite(factor) and (residual := _residual(observed, recipe, factor)) < _tolerance(recipe, observed):
            return _found(recipe, choices, wanted, larger, factor, residual, is_exact=True)
    residuals = {index: _residual(observed, recipe) for index, recipe in enumerate(few)}
    best = min(residuals, key=lambda index: np.nan_to_num(residuals[index], nan=np.inf))
    if residuals[best] >= _NEAR:
        return None
    # Some of its numbers may be of single precision.
    return _found(few[best], choices, wanted, larger, 1.0, residuals[best], is_exact=residuals[best] < _SINGLE)


def _candidates(choices: Mapping[str, Sequence[Choice]]) -> Iterator[Recipe]:
    for mistakes in range(3):
        yield from recipes(choices, mistakes)
    # What is common beside two mistakes: the whole return, which costs variance alone, and PPO's loss.
    yield from recipes(_with(choices, returns="total"), 3)
    if any(one.name == "ppo" for one in choices["score"]):
        clipped = _with(choices, score="ppo")
        yield from recipes(clipped, 3)
        yield from recipes(_with(clipped, importance="per_step"), 4)


def _with(choices: Mapping[str, Sequence[Choice]], **named: str) -> dict[str, Sequence[Choice]]:
    """Leave one choice in each of the named slots."""
    return {**choices, **{slot: [one for one in choices[slot] if one.name == name] for slot, name in named.items()}}


def _tolerance(recipe: Recipe, observed: Sequence[Observed]) -> float:
    return max(one.rounding for one in observed) if recipe.scale.name == "none" else _NORMALISED


def _residual(observed: Sequence[Observed], recipe: Recipe, factor: float = 1.0) -> float:
    """Return the largest residual over all batches, or that of the first ones if it is large."""
    largest = 0.0
    for one in observed:
        residual = one.residual(recipe, factor)
        largest = max(largest, np.inf if np.isnan(residual) else residual)
        if largest > _NEAR:
            break
    return largest


def _found(
    recipe: Recipe,
    choices: Mapping[str, Sequence[Choice]],
    wanted: Mapping[str, str],
    larger: Sequence[Observed],
    factor: float,
    residual: float,
    *,
    is_exact: bool,
) -> Diagnosis:
    # What costs variance alone comes last.
    ordered = sorted(recipe.mistakes, key=lambda choice: "no bias" in choice.sentence)
    mistakes = tuple((choice.sentence, choice.equation) for choice in ordered)
    right, further = dict(_right(recipe, choices, wanted)), _residual(larger, recipe, factor)
    return Diagnosis(mistakes, right, factor, residual, is_exact, further)


def _right(
    recipe: Recipe, choices: Mapping[str, Sequence[Choice]], wanted: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for slot, found in choices.items():
        own: Choice = getattr(recipe, slot)
        if own.name == wanted.get(slot) or (not own.sentence and sum(not one.sentence for one in found) > 1):
            yield slot, own.name
