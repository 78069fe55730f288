"""Expand the sweeps of a study into cells."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, TypeVar

from pg.claims.record import ClaimPart, Family, Selection
from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.parts.variant import Variant
from pg.study.record import Study

Option = TypeVar("Option", Environment, Variant)
_PLAIN_LEVEL = re.compile(r"[A-Za-z0-9_.+-]{1,20}")


# Jobs ask for the same cells several times each, in studies of thousands of jobs.
@lru_cache(maxsize=256)
def cells(study: Study, experiment: str) -> tuple[Cell, ...]:
    """List an experiment's cells in declared order: environments, then variants, then levels.

    Raises
    ------
    pydantic.ValidationError
        If a level is not a legal value of its option, or makes an illegal combination.
    """
    return tuple(_cells(study, experiment))


def _cells(study: Study, experiment: str) -> Iterator[Cell]:
    declared = study.experiments[experiment]
    sweep = declared.sweep
    for environment, variant, values in product(declared.environments, declared.variants, product(*sweep.values())):
        levels = dict(zip(sweep, values, strict=True))
        of_environment = {path: value for path, value in levels.items() if path.startswith("environment.")}
        of_variant = {path: value for path, value in levels.items() if path.startswith("variant.")}
        yield Cell(
            experiment=experiment,
            environment_name=environment,
            variant_name=variant,
            environment_id=environment + _suffix(of_environment),
            variant_id=variant + _suffix(of_variant),
            environment=_at_level(study.environments[environment], of_environment),
            variant=_at_level(study.variants[variant], of_variant),
            levels=levels,
        )


def _at_level(record: Option, levels: Mapping[str, Any]) -> Option:
    if not levels:
        return record
    options = record.model_dump()
    for path, value in levels.items():
        _, *parents, key = path.split(".")
        place = options
        for parent in parents:
            if not isinstance(inner := place.get(parent), dict):
                # An earlier level has set the part to a name, or it is null: begin with that name or no options.
                place[parent] = {"name": inner} if f"variant.{parent}" in levels else {}
            place = place[parent]
        place[key] = value
    return type(record).model_validate(options)


def _suffix(levels: Mapping[str, Any]) -> str:
    """Return the end of an id, which names the levels; a long value or one with special characters becomes a digest."""
    named: list[str] = []
    for path, value in levels.items():
        text = json.dumps(value, sort_keys=True).strip('"')
        plain = text if _PLAIN_LEVEL.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:8]
        named.append(f"{path.rpartition('.')[2]}={plain}")
    return "@" + ",".join(named) if named else ""


def tuned_experiments(study: Study) -> tuple[str, ...]:
    """Return the experiments in which a learning rate is tuned."""
    return tuple(name for name in study.training if any(cell.variant.is_tuned for cell in cells(study, name)))


def cells_named(study: Study, experiment: str, environment: str, selection: Selection) -> tuple[Cell, ...]:
    """List the cells of an experiment and environment that have a selection's variant and levels."""
    selected = {"environment": environment, **selection}.items()
    return tuple(cell for cell in cells(study, experiment) if selected <= cell.names.items())


def candidates(study: Study, part: ClaimPart) -> tuple[Cell, ...]:
    """List the cells among which `best_of` of a claim's part selects by tuning score."""
    return tuple(
        cell
        for side, declared in part.sides.items()
        if isinstance(declared, Family)
        for environment in part.environments or study.experiments[part.experiment].environments
        for selection in declared.best_of
        for cell in cells_named(study, part.experiments[side], environment, selection)
    )
