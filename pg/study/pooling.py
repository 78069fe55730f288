"""Which environments are pooled, so that statistics across environments can be made of them.

A pool is a training experiment, or several that share variants and have environments of their own: the variants that
all of them train are compared over all environments that declare a threshold, which gives their returns a common scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg.experiments.cells import Cell
from pg.plotting.record import Figure
from pg.study.expansion import cells, solvable
from pg.study.record import Study

LEAST = 2
"""Environments that there are statistics across."""

Pool = tuple[str, ...]


def pool_of(figure: Figure) -> Pool:
    """Name the experiments whose environments a figure pools."""
    return (figure.experiment, *figure.pooled)


def pools(study: Study) -> dict[str, Pool]:
    """List the pools of a study by name: every training experiment of several environments, and those of figures."""
    alone: list[Pool] = [(name,) for name in study.training if is_pool(study, (name,))]
    drawn = [pool_of(figure) for figure in study.figures.values() if figure.pooled]
    return {name_of(pool): pool for pool in (*alone, *drawn)}


def name_of(pool: Pool) -> str:
    """Name a pool, as its table is named."""
    return "+".join(pool)


def is_pool(study: Study, pool: Pool) -> bool:
    """Tell whether there are enough environments with a threshold."""
    return len(pooled_environments(study, pool)) >= LEAST


def pooled_environments(study: Study, pool: Pool) -> tuple[str, ...]:
    """Name the environments that are pooled, in declared order."""
    return tuple(name for experiment in pool for name in solvable(study, experiment))


def shared_variants(study: Study, pool: Pool) -> tuple[str, ...]:
    """Name the variants that every experiment of a pool has, in the order of the first."""
    first, *others = (study.experiments[name].variants for name in pool)
    return tuple(name for name in first if all(name in other for other in others))


def pooled_cells(study: Study, pool: Pool) -> tuple[Cell, ...]:
    """List the cells whose runs are pooled, in declared order."""
    variants, environments = shared_variants(study, pool), pooled_environments(study, pool)
    return tuple(
        cell
        for name in pool
        for cell in cells(study, name)
        if cell.variant_name in variants and cell.environment_name in environments
    )


def problems_of_pool(study: Study, at: str, pool: Sequence[str]) -> Iterator[str]:
    """Say why there are no statistics across the environments of some experiments.

    Parameters
    ----------
    study
        The study, which declares them.
    at
        Where the study names them.
    pool
        Their names.
    """
    environments = pooled_environments(study, tuple(pool))
    if len(environments) < LEAST:
        found = ", ".join(environments) or "none"
        yield f"{at}: needs {LEAST} environments that declare a threshold; found: {found}"
    if twice := {name for name in environments if environments.count(name) > 1}:
        found = ", ".join(sorted(twice))
        yield f"{at}: {found} stands in more than one of {', '.join(pool)}; pool different environments"
    first, *others = pool
    for other in others:
        if dict(study.experiments[other].sweep) != dict(study.experiments[first].sweep):
            yield f"{at}: {other} sweeps other levels than {first}; pool experiments with the same sweep"
    if not shared_variants(study, tuple(pool)):
        yield f"{at}: {' and '.join(pool)} share no variant to compare"
