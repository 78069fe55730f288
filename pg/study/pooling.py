"""Pools of environments, for statistics across environments.

A pool is one training experiment, or several that share variants and train in different environments. The variants that
all of them train are compared over all environments that declare a threshold, which puts returns on a common scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg.experiments.cells import Cell
from pg.study.expansion import cells
from pg.study.record import Study

LEAST = 2
"""The least number of environments in a pool."""

Pool = tuple[str, ...]


def pools(study: Study) -> dict[str, Pool]:
    """Return a study's pools by name: training experiments with several environments, and the pools of figures."""
    alone: list[Pool] = [(name,) for name in study.training if is_pool(study, (name,))]
    drawn = [figure.pool for figure in study.figures.values() if figure.pooled]
    return {"+".join(pool): pool for pool in (*alone, *drawn)}


def is_pool(study: Study, pool: Pool) -> bool:
    """Return whether a pool has enough environments with a threshold."""
    return len(pooled_environments(study, pool)) >= LEAST


def pooled_environments(study: Study, pool: Pool) -> tuple[str, ...]:
    """Return the environments of a pool, in declared order."""
    return tuple(
        name
        for experiment in pool
        for name in study.experiments[experiment].environments
        if study.environments[name].threshold is not None
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


def problems_of_pool(study: Study, at: str, pool: Sequence[str]) -> Iterator[str]:
    """Yield the reasons why experiments cannot be pooled.

    Parameters
    ----------
    study
        The study that declares the experiments.
    at
        The place in the study file, with which each reason begins.
    pool
        Names of the experiments.
    """
    environments = pooled_environments(study, tuple(pool))
    if len(environments) < LEAST:
        found = ", ".join(environments) or "none"
        yield f"{at}: needs {LEAST} environments that declare a threshold; found: {found}"
    if twice := {name for name in environments if environments.count(name) > 1}:
        found = ", ".join(sorted(twice))
        yield f"{at}: {found} is in more than one of {', '.join(pool)}; pool experiments with different environments"
    first, *others = pool
    for other in others:
        if dict(study.experiments[other].sweep) != dict(study.experiments[first].sweep):
            yield f"{at}: {other} and {first} sweep different levels; pool experiments with the same sweep"
    if not shared_variants(study, tuple(pool)):
        yield f"{at}: {' and '.join(pool)} share no variant to compare"
