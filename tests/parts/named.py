"""The built-in parts by name, with their required options."""

from typing import Any

from pg.parts.registry import BASELINES as _BASELINES
from pg.parts.registry import CORRECTIONS as _CORRECTIONS
from pg.parts.registry import RETURNS as _RETURNS

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
