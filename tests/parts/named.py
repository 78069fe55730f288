"""The built-in parts by name, with their required options, and their legal compositions."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from pg.parts.registry import BASELINES as _BASELINES
from pg.parts.registry import CORRECTIONS as _CORRECTIONS
from pg.parts.registry import RETURNS as _RETURNS
from pg.parts.variant import Variant
from pydantic import ValidationError

Parts = dict[str, Any]

RETURNS: tuple[str, ...] = tuple(part.model_fields["name"].default for part in _RETURNS)
BASELINES: tuple[str, ...] = tuple(part.model_fields["name"].default for part in _BASELINES)
FROM_THE_BATCH = tuple(part.model_fields["name"].default for part in _BASELINES if part.made_from_batch)
IMPORTANCE: tuple[str, ...] = tuple(part.model_fields["name"].default for part in _CORRECTIONS)
CORRECTING = IMPORTANCE[1:]


def gae(decay: float, **options: Any) -> dict[str, Any]:
    """Return the λ-return as a study declares it."""
    return {"name": "gae", "lambda": decay, **options}


def constant(baseline: str, value: float) -> Any:
    """Return a baseline as a study declares it; the constant has this value."""
    return {"name": baseline, "value": value} if baseline == "constant" else baseline


BASELINE_PARTS: list[Parts] = [{"baseline": constant(name, 1.5)} for name in BASELINES]
DISCOUNTS: list[Parts] = [{}, {"discount": 0.9}, {"discount": 0.9, "discount_states": True}]
NORMALISED: list[Parts] = [{}, {"normalise_advantages": True}]


def corrections(names: Sequence[str], changes: Iterable[Parts], limits: Iterable[float]) -> list[Parts]:
    """Return corrections with one of the changes, self-normalised or not, and cut at a limit or not; legal or not."""
    cuts = ({}, *({"truncate_at": limit} for limit in limits))
    options = itertools.product(names, ({}, *changes), ({}, {"self_normalised": True}), cuts)
    return [{"importance": {"name": name, **change, **scaled, **cut}} for name, change, scaled, cut in options]


def composed(*options: Iterable[Parts]) -> list[Variant]:
    """Return every legal composition of one mapping from each list."""
    variants = []
    for parts in itertools.product(*options):
        try:
            variants.append(Variant(**{key: value for part in parts for key, value in part.items()}))
        except ValidationError:
            continue
    return variants
