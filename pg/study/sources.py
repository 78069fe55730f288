"""Where the policies of a measurement, and those that a variant imitates, were trained."""

from __future__ import annotations

from itertools import product

from pg.experiments.cells import Block, Cell
from pg.experiments.kind import Measurement, Source
from pg.learning.job import TrainJob, TuneJob
from pg.parts.starts.base import Demonstrator
from pg.study.expansion import cells
from pg.study.record import Study


def stages_of(study: Study, experiment: str) -> tuple[str, ...]:
    """Return the stages of the policies that an experiment measures; none for one that trains."""
    declared = study.experiments[experiment]
    return declared.stages if isinstance(declared, Measurement) else ()


def places_of(study: Study, experiment: str) -> tuple[tuple[str, str], ...]:
    """List where an experiment measures: the id of each environment with each stage."""
    environments = dict.fromkeys(cell.environment_id for cell in cells(study, experiment))
    return tuple(product(environments, stages_of(study, experiment)))


def source_blocks(study: Study, source: Source, block: Block) -> tuple[Block, ...]:
    """Return the blocks of the source experiment that hold the snapshots of a block of policies."""
    seeds = study.experiments[source.experiment].seeds
    return tuple(other for other in seeds.blocks if other.first <= block.last and other.last >= block.first)


def source_cell(study: Study, experiment: str, environment_id: str) -> Cell:
    """Return the cell that trained the policies which an experiment measures in one of its environments.

    Its environment has the same name, whichever level of the rewards is measured: policies do not depend on it.
    """
    source = study.experiments[experiment].policies_from
    assert source is not None, f"{experiment} draws random policies"
    environment = next(one.environment_name for one in cells(study, experiment) if one.environment_id == environment_id)
    return _cell(study, source.experiment, environment, source.variant)


def demonstrator_of(cell: Cell) -> Demonstrator | None:
    """Return the demonstrator whose snapshots a cell's policies imitate; None if there is no demonstrator."""
    demonstrator = cell.variant.initialise.demonstrator
    return demonstrator if isinstance(demonstrator, Demonstrator) else None


def demonstrator_blocks(study: Study, demonstrator: Demonstrator, job: TrainJob | TuneJob) -> tuple[Block, ...]:
    """Return the blocks of the demonstrator's experiment that hold the snapshots which a job imitates."""
    shown = set() if job.demonstrators is None else set(job.demonstrators.seeds)
    return tuple(block for block in study.experiments[demonstrator.experiment].seeds.blocks if shown & {*block.seeds})


def demonstrator_cell(study: Study, demonstrator: Demonstrator, environment_name: str) -> Cell:
    """Return the cell that trained a demonstrator's policies in an environment."""
    return _cell(study, demonstrator.experiment, environment_name, demonstrator.variant)


def _cell(study: Study, experiment: str, environment: str, variant: str) -> Cell:
    return next(
        cell
        for cell in cells(study, experiment)
        if (cell.environment_name, cell.variant_name) == (environment, variant)
    )
