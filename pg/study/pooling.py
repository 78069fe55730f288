"""Pools of environments, for statistics across environments.

A pool is one training experiment, or several that share variants and train in different environments. The variants that
all of them train are compared over all environments that declare a threshold, which puts returns on a common scale.
"""

from __future__ import annotations

from pg.experiments.cells import Cell
from pg.experiments.figures.lookup import kind_of
from pg.study.expansion import cells
from pg.study.record import Study

MIN_ENVIRONMENTS = 2
"""The least number of environments in a pool."""

Pool = tuple[str, ...]


def pools(study: Study) -> dict[str, Pool]:
    """Return a study's pools by name: training experiments with several environments, and the pools of figures."""
    alone: list[Pool] = [(name,) for name in study.training if is_pool(study, (name,))]
    drawn = [
        figure.pool
        for figure in study.figures.values()
        if figure.pooled and not kind_of(figure, study.experiments[figure.experiment]).with_pooled
    ]
    return {"+".join(pool): pool for pool in (*alone, *drawn)}


def is_pool(study: Study, pool: Pool) -> bool:
    """Return whether a pool has enough environments with a threshold."""
    return len(pooled_environments(study, pool)) >= MIN_ENVIRONMENTS


def pooled_environments(study: Study, pool: Pool) -> tuple[str, ...]:
    """Return the environments of a pool, in declared order; under its first name if one is declared under several."""
    first: dict[str, str] = {}
    return tuple(
        name
        for experiment in pool
        for name in study.experiments[experiment].environments
        if study.experiments[experiment].level("threshold", study.environments[name]) is not None
        and first.setdefault(study.environments[name].physics.canonical(), name) == name
    )


def shared_variants(study: Study, pool: Pool) -> tuple[str, ...]:
    """Return the variants that all experiments of a pool have, in the order of the first."""
    first, *others = (study.experiments[name].variants for name in pool)
    return tuple(name for name in first if all(name in other for other in others))


def pooled_cells(study: Study, pool: Pool) -> tuple[Cell, ...]:
    """Return the cells whose runs are pooled, in declared order."""
    variants, environments = shared_variants(study, pool), pooled_environments(study, pool)
    return tuple(
        cell
        for name in pool
        for cell in cells(study, name)
        if cell.variant_name in variants and cell.environment_name in environments
    )
