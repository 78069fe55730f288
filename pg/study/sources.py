"""Where policies that are not trained in a job come from: snapshots to measure, demonstrators to imitate, chance."""

from __future__ import annotations

from itertools import product

from pg.experiments.cells import Block, Cell
from pg.experiments.records import Source
from pg.parts.starts.base import Demonstrator
from pg.study.expansion import blocks, cells
from pg.study.jobs import TrainJob, TuneJob
from pg.study.record import Study

RANDOM = "random"
"""The stage of policies that come from no training."""


def source_of(study: Study, experiment: str) -> Source | None:
    """Return where the policies of a laboratory experiment come from; None where they are random."""
    return getattr(study.experiments[experiment], "source", None)


def stages_of(study: Study, experiment: str) -> tuple[str, ...]:
    """Return the stages of the policies that a laboratory experiment measures on."""
    source = source_of(study, experiment)
    return (RANDOM,) if source is None else source.stages


def places_of(study: Study, experiment: str) -> tuple[tuple[str, str], ...]:
    """List where a laboratory experiment measures: the id of each environment with each stage."""
    environments = dict.fromkeys(cell.environment_id for cell in cells(study, experiment))
    return tuple(product(environments, stages_of(study, experiment)))


def source_blocks(study: Study, source: Source, block: Block) -> tuple[Block, ...]:
    """Return the blocks of the source experiment that hold the snapshots of a block of policies."""
    seeds = study.experiments[source.experiment].seeds
    return tuple(other for other in blocks(seeds) if other.first <= block.last and other.last >= block.first)


def source_cell(study: Study, experiment: str, environment_id: str) -> Cell:
    """Return the cell that trained the policies which an experiment measures in one of its environments.

    They come from the environment of the same name, whatever level of its rewards is measured: rewards are no part of
    a policy.
    """
    source = source_of(study, experiment)
    assert source is not None, f"{experiment} draws random policies"
    environment_name = next(
        cell.environment_name for cell in cells(study, experiment) if cell.environment_id == environment_id
    )
    return next(
        cell
        for cell in cells(study, source.experiment)
        if (cell.environment_name, cell.variant_name) == (environment_name, source.variant)
    )


def demonstrator_of(cell: Cell) -> Demonstrator | None:
    """Return whose snapshots a cell's policies imitate; None where they begin at random or by a controller."""
    demonstrator = cell.variant.initialise.demonstrator
    return demonstrator if isinstance(demonstrator, Demonstrator) else None


def demonstrator_blocks(study: Study, demonstrator: Demonstrator, job: TrainJob | TuneJob) -> tuple[Block, ...]:
    """Return the blocks of the demonstrator's experiment that hold the snapshots which a job imitates."""
    shown = set() if job.demonstrators is None else set(job.demonstrators.seeds)
    seeds = study.experiments[demonstrator.experiment].seeds
    return tuple(block for block in blocks(seeds) if shown.intersection(block.seeds))


def demonstrator_cell(study: Study, demonstrator: Demonstrator, environment_name: str) -> Cell:
    """Return the cell that trained a demonstrator's policies in an environment."""
    return next(
        cell
        for cell in cells(study, demonstrator.experiment)
        if (cell.environment_name, cell.variant_name) == (environment_name, demonstrator.variant)
    )
