"""Find the cells and blocks that train the policies which a measurement uses or a variant imitates."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from pg.experiments.cells import Block, Cell
from pg.experiments.kind import Measurement, Source
from pg.learning.job import TrainJob, TuneJob
from pg.parts.starts.base import Demonstrator
from pg.study.expansion import cells
from pg.study.record import Study


def stages_of(study: Study, experiment: str) -> tuple[str, ...]:
    """Return the stages of the policies that an experiment measures; empty if it trains."""
    declared = study.experiments[experiment]
    return declared.stages if isinstance(declared, Measurement) else ()


def places_of(study: Study, experiment: str) -> tuple[tuple[str, str], ...]:
    """List where an experiment measures: the id of each environment with each stage."""
    environments = dict.fromkeys(cell.environment_id for cell in cells(study, experiment))
    return tuple(product(environments, stages_of(study, experiment)))


def selections_of(study: Study, experiment: str) -> dict[str, int]:
    """Return from how many selections of a learning rate the measured policies come, by stage; 1 if they share none.

    Policies before the first update do not depend on a learning rate.
    """
    source = study.experiments[experiment].policies_from
    if source is None:
        return {}
    trained = study.training[source.experiment]
    is_tuned = any(
        cell.variant.is_tuned for cell in cells(study, source.experiment) if cell.variant_name == source.variant
    )
    selections = trained.tuning.selections if trained.tuning is not None and is_tuned else 1
    return {stage: selections if trained.snapshots[stage] > 0 else 1 for stage in source.stages}


def demonstrator_of(cell: Cell) -> Demonstrator | None:
    """Return the demonstrator whose snapshots a cell's policies imitate; None if there is no demonstrator."""
    demonstrator = cell.variant.initialise.demonstrator
    return demonstrator if isinstance(demonstrator, Demonstrator) else None


def measured_policies(
    study: Study, experiment: str, environment_id: str, block: Block
) -> tuple[tuple[Cell, Block], ...]:
    """Return the cell and blocks of seeds that trained the policies which a job measures; empty if they are random.

    The cell is the same for all levels of the rewards, because policies do not depend on them.
    """
    source = study.experiments[experiment].policies_from
    if source is None:
        return ()
    environment = next(one.environment_name for one in cells(study, experiment) if one.environment_id == environment_id)
    return _trained(study, source, environment, block.seeds)


def imitated_policies(study: Study, cell: Cell, job: TrainJob | TuneJob) -> tuple[tuple[Cell, Block], ...]:
    """Return the cell and blocks of seeds that trained the policies which a cell's job imitates."""
    demonstrator = demonstrator_of(cell)
    if demonstrator is None or job.demonstrators is None:
        return ()
    return _trained(study, demonstrator, cell.environment_name, job.demonstrators.seeds)


def _trained(
    study: Study, source: Source | Demonstrator, environment: str, seeds: Iterable[int]
) -> tuple[tuple[Cell, Block], ...]:
    wanted, names = set(seeds), (environment, source.variant)
    trained = cells(study, source.experiment)
    cell = next(one for one in trained if (one.environment_name, one.variant_name) == names)
    blocks = study.experiments[source.experiment].seeds.blocks
    return tuple((cell, block) for block in blocks if not wanted.isdisjoint(block.seeds))
