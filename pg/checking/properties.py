"""What every estimator should be, besides being right on average: finite, the same for the same batch, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pg.checking.arrays import arrays_of, padded
from pg.checking.demands import Known
from pg.checking.findings import REWARDS, TOLERANCE, Property
from pg.checking.submissions import Arrays, Fault, Kind
from pg.checking.worlds import Batches

_SINGLE_PRECISION = 1e-4
_ESTIMATOR: frozenset[Kind] = frozenset({"estimator"})
_PARTS: frozenset[Kind] = frozenset({"baseline", "returns", "importance"})
_ADVANTAGES: frozenset[Kind] = frozenset({"advantages"})
_ALL = _ESTIMATOR | _PARTS | _ADVANTAGES


Given = Iterable[tuple[Arrays, float, Tensor]]
"""Batches with a discount, and the weights of a submission in them."""


@dataclass(frozen=True)
class Trial:
    """A few batches of a world, and a submission that weights them.

    Attributes
    ----------
    batches
        The batches, of three trajectories.
    ask
        Returns the weights (S, N, T) of batches in arrays.
    large
        Returns large batches with random numbers, and the weights in them.
    """

    batches: Batches
    ask: Callable[[Arrays], Tensor]
    large: Callable[[], Given]

    @cached_property
    def mask(self) -> Tensor:
        """True at the steps of the trajectories, (S, N, T)."""
        return self.batches.trajectories.mask

    @cached_property
    def weights(self) -> Tensor:
        """The weights of the batches."""
        return self.of(self.batches)

    def of(self, batches: Batches) -> Tensor:
        """Return the weights of other batches."""
        return self.ask(arrays_of(batches))

    def same(self, other: Tensor, what: str, tolerance: float = TOLERANCE) -> tuple[bool, str]:
        """Compare the weights with those of the same steps otherwise."""
        count = len(other)
        mask, own = self.mask[:count], self.weights[:count]
        difference = float((own - other)[mask].abs().max() / own[mask].abs().max().clamp(min=1e-300))
        if difference <= tolerance:
            return True, f"{what} gives the same weights"
        return False, f"{what} gives other weights, by {difference:.2g} of the largest"


def _finite(trial: Trial) -> tuple[bool, str]:
    holds = bool(trial.weights[trial.mask].isfinite().all())
    return holds, "all weights are finite" if holds else "some weights are NaN or infinite"


def _repeated(trial: Trial) -> tuple[bool, str]:
    holds, words = trial.same(trial.of(trial.batches), "the same batch")
    return holds, words if holds else f"{words}: it draws random numbers, or keeps state"


def _reordered(trial: Trial) -> tuple[bool, str]:
    shuffle = torch.tensor([2, 0, 1])
    permuted = Batches(trial.batches.world, trial.batches.members[:, shuffle])
    return trial.same(trial.of(permuted)[:, shuffle.argsort()], "another order of the trajectories")


def _longer(trial: Trial) -> Tensor:
    return trial.ask(padded(arrays_of(trial.batches), 2))


def _padding(trial: Trial) -> tuple[bool, str]:
    holds, words = trial.same(_longer(trial)[..., : trial.mask.shape[-1]], "more padding")
    return holds, words if holds else f"{words}: the mask is ignored somewhere"


def _masked(trial: Trial) -> tuple[bool, str]:
    longer = _longer(trial)
    after = longer[~torch.nn.functional.pad(trial.mask, (0, longer.shape[-1] - trial.mask.shape[-1]))]
    holds = not bool(after.abs().max() > 0)
    return holds, f"{'no log-probability' if holds else 'a log-probability'} after the last step matters"


def _alone(trial: Trial) -> tuple[bool, str]:
    world, few = trial.batches.world, trial.batches.members[:4]
    holds, words = trial.same(torch.cat([trial.of(Batches(world, one[None])) for one in few]), "each batch alone")
    dimensions = "in a part, dimension -3 is the batches, -2 the trajectories and -1 the steps"
    return holds, words if holds else f"{words}, so batches are mixed: {dimensions}"


def _in_single_precision(trial: Trial) -> tuple[bool, str]:
    arrays = {
        name: values.astype(np.float32) if values.dtype == np.float64 else values
        for name, values in arrays_of(trial.batches).items()
    }
    try:
        weights = trial.ask(arrays)
    except Fault as fault:
        return False, f"single precision gives none: {fault.sentence}"
    return trial.same(weights, "single precision", _SINGLE_PRECISION)


def _without_rewards(trial: Trial) -> Tensor:
    return trial.ask(arrays_of(trial.batches) | {"rewards": np.zeros(trial.mask.shape)})[trial.mask]


def _of_equal_returns(trial: Trial) -> tuple[bool, str]:
    holds = bool(_without_rewards(trial).isfinite().all())
    return holds, f"{'finite' if holds else 'NaN or infinite'} if all returns are equal"


def _finite_in_large(trial: Trial) -> tuple[bool, str]:
    for arrays, _, weights in trial.large():
        if not bool(weights[torch.as_tensor(arrays["mask"]) > 0].isfinite().all()):
            _, n, steps = weights.shape
            return False, f"some weights are NaN or infinite in a batch of {n} trajectories of up to {steps} steps"
    return True, "all weights are finite in large batches"


def _of_rewards(trial: Trial) -> tuple[bool, str]:
    holds = not torch.equal(_without_rewards(trial), trial.weights[trial.mask])
    return holds, f"the estimate {'depends' if holds else 'does not depend'} on the rewards"


@dataclass(frozen=True, slots=True)
class _Tested:
    """A property, the kinds of submissions that have it, and whether they must; its test answers in words, too.

    Where one does not hold that others are based on, they are not tried.
    """

    name: str
    test: Callable[[Trial], tuple[bool, str]]
    kinds: frozenset[Kind] = _ALL
    is_required: bool = True
    is_based_on: bool = False


_SAME, _SEPARATE = "same batch, same weights", "separate batches"
_PROPERTIES = (
    _Tested("finite", _finite, is_based_on=True),
    _Tested(_SAME, _repeated, is_based_on=True),
    _Tested(_SEPARATE, _alone, _PARTS, is_based_on=True),
    # A baseline of the earlier trajectories, or of the other half of the batch, depends on the order without a bias.
    _Tested("order of trajectories", _reordered, is_required=False),
    _Tested("padding", _padding),
    _Tested("mask", _masked, _ESTIMATOR),
    _Tested("float32", _in_single_precision, _ESTIMATOR | _PARTS),
    _Tested("equal returns", _of_equal_returns),
    _Tested("large batches", _finite_in_large),
    _Tested(REWARDS, _of_rewards),
)
_ONE, _EQUALS = "one trajectory", "equals"
NEEDED: frozenset[str] = frozenset({_SAME, _SEPARATE})
"""Properties without which an expectation means nothing."""


def properties_of(kind: Kind, *, equals: bool = False) -> tuple[str, ...]:
    """Return the names of the properties that a submission of some kind is checked for.

    With `equals`, also of one that should equal a built-in estimator.
    """
    names = [one.name for one in _PROPERTIES if kind in one.kinds]
    return (_ONE, *names, *([_EQUALS] if equals else []))


def properties(kind: Kind, trial: Trial) -> Iterator[Property]:
    """Test a submission of some kind, up to a property without which the others mean nothing."""
    for one in _PROPERTIES:
        if kind in one.kinds:
            holds, words = one.test(trial)
            yield Property(one.name, holds, words, one.is_required)
            if one.is_based_on and not holds:
                return


def of_one_trajectory(smallest: int) -> Property:
    """Say whether a batch of one trajectory is legal; a baseline may need another one."""
    words = "is checked as well" if smallest == 1 else "gives no estimate: two are needed"
    return Property(_ONE, holds=True, sentence=f"a batch of one trajectory {words}")


def equality(known: Known, small: Given, large: Given) -> Property:
    """Compare weights with those of a built-in estimator, in small batches and in large ones."""
    words = f"those of {known.words}"
    for given, tolerance, where in ((small, TOLERANCE, ""), (large, _SINGLE_PRECISION, " in large batches")):
        difference = _difference(known, given)
        if not difference <= tolerance:
            sentence = f"the weights differ from {words}{where}, by {difference:.2g} of the largest"
            return Property(_EQUALS, holds=False, sentence=sentence)
    return Property(_EQUALS, holds=True, sentence=f"the weights are {words}")


def _difference(known: Known, given: Given) -> float:
    largest, scale = 0.0, 0.0
    for arrays, discount, weights in given:
        mask = torch.as_tensor(arrays["mask"]) > 0
        expected = torch.as_tensor(known.weights(arrays, discount))
        largest = max(largest, float((weights - expected)[mask].abs().max().nan_to_num(torch.inf)))
        scale = max(scale, float(expected[mask].abs().max()))
    return largest / scale
