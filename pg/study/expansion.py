"""Expand a study: sweeps into cells, seeds into blocks."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pg.claims.record import ClaimPart, Family, Selection
from pg.environments.record import Environment
from pg.experiments.cells import Block, Cell
from pg.experiments.kind import Seeds
from pg.parts.variant import Variant
from pg.study.record import Study

Option = TypeVar("Option", Environment, Variant)
_PLAIN_LEVEL = re.compile(r"[A-Za-z0-9_.+-]{1,20}")


def blocks(seeds: Seeds) -> tuple[Block, ...]:
    """Split seeds into the blocks that share a job."""
    return seeds.blocks


def cells(study: Study, experiment: str) -> tuple[Cell, ...]:
    """List an experiment's cells in declared order: environments, then variants, then levels.

    Raises
    ------
    pydantic.ValidationError
        If a level is not a legal value of its option, or makes an illegal combination.
    """
    return _cells(_Same(study), experiment)


class _Same:
    """A study as a key of a cache, compared by identity: equal studies may differ (1 == True)."""

    __slots__ = ("study",)

    def __init__(self, study: Study) -> None:
        self.study = study

    def __hash__(self) -> int:
        return id(self.study)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.study is self.study


# Jobs ask for the same cells several times each, in studies of thousands of jobs.
@lru_cache(maxsize=256)
def _cells(same: _Same, experiment: str) -> tuple[Cell, ...]:
    study = same.study
    declared = study.experiments[experiment]
    return tuple(
        _cell(study, experiment, environment, variant, levels)
        for environment, variant in itertools.product(declared.environments, declared.variants)
        for levels in _levels(declared.sweep)
    )


def solvable(study: Study, experiment: str) -> tuple[str, ...]:
    """Return an experiment's environments that declare a threshold, which puts returns on a common scale."""
    return tuple(
        name for name in study.experiments[experiment].environments if study.environments[name].threshold is not None
    )


def is_tuned(cell: Cell) -> bool:
    """Return whether a cell's learning rate comes from tuning."""
    return cell.variant.is_tuned


def tuned_experiments(study: Study) -> tuple[str, ...]:
    """Return the experiments in which a learning rate is tuned."""
    return tuple(name for name in study.training if any(map(is_tuned, cells(study, name))))


def cells_named(study: Study, experiment: str, environment: str, selection: Selection) -> tuple[Cell, ...]:
    """List the cells of an experiment and environment that have a selection's variant and levels."""
    return tuple(
        cell
        for cell in cells(study, experiment)
        if {"environment": environment, **selection}.items() <= cell.names.items()
    )


def candidates(study: Study, part: ClaimPart) -> tuple[Cell, ...]:
    """List the cells of a claim part's families: their tuning scores decide which rows are compared."""
    families = {name: side for name, side in (("a", part.a), ("b", part.b)) if isinstance(side, Family)}
    environments = part.environments or study.experiments[part.experiment].environments
    return tuple(
        cell
        for (side, family), environment in itertools.product(families.items(), environments)
        for selection in family.best_of
        for cell in cells_named(study, part.experiments[side], environment, selection)
    )


def _levels(sweep: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*sweep.values()):
        yield dict(zip(sweep, values, strict=True))


def _cell(study: Study, experiment: str, environment: str, variant: str, levels: Mapping[str, Any]) -> Cell:
    of_environment = {path: value for path, value in levels.items() if path.startswith("environment.")}
    of_variant = {path: value for path, value in levels.items() if path.startswith("variant.")}
    return Cell(
        experiment=experiment,
        environment_name=environment,
        variant_name=variant,
        environment_id=environment + _level_suffix(of_environment),
        variant_id=variant + _level_suffix(of_variant),
        environment=_at_level(study.environments[environment], of_environment),
        variant=_at_level(study.variants[variant], of_variant),
        levels=dict(levels),
    )


def _at_level(record: Option, levels: Mapping[str, Any]) -> Option:
    if not levels:
        return record
    options = record.model_dump()
    for path, value in levels.items():
        _, *parents, key = path.split(".")
        place = options
        for parent in parents:
            if not isinstance(inner := place[parent], dict):
                # An earlier level has named the part, or the variant has none; so the options come from levels alone.
                place[parent] = {"name": inner} if f"variant.{parent}" in levels else {}
            place = place[parent]
        place[key] = value
    return type(record).model_validate(options)


def _level_suffix(levels: Mapping[str, Any]) -> str:
    if not levels:
        return ""
    return "@" + ",".join(f"{path.rsplit('.', 1)[-1]}={_level_id(value)}" for path, value in levels.items())


def _level_id(value: Any) -> str:
    text = json.dumps(value, sort_keys=True).strip('"')
    return text if _PLAIN_LEVEL.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:8]
