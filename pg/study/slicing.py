"""Reduce a study to a slice: only what one job needs, or what one figure shows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from pg.experiments.cells import Block, Cell
from pg.experiments.kind import Measurement
from pg.laboratory.job import MeasurementJob
from pg.learning.job import Demonstrators, TrainJob, TuneJob
from pg.study.expansion import cells
from pg.study.record import Report, Study
from pg.study.sources import demonstrator_of


def train_job(study: Study, cell: Cell, block: Block) -> TrainJob:
    """Return the training job of a cell and a block of seeds."""
    seeds = tuple(block.seeds)
    return study.training[cell.experiment].train_job(cell, seeds, _demonstrators(study, cell, seeds), study.device)


def tune_job(study: Study, cell: Cell) -> TuneJob:
    """Return the tuning job of a cell."""
    experiment = study.training[cell.experiment]
    assert experiment.tuning is not None, "validation refuses a tuned variant without a grid"
    seeds = chain(*experiment.tuning.seeds_of_selections(experiment.seeds.first))
    demonstrators = _demonstrators(study, cell, seeds)
    return experiment.tune_job(cell, demonstrators, study.device)


def measurement_job(
    study: Study, experiment: str, environment_id: str, stage: str, block: Block
) -> MeasurementJob[Any]:
    """Return the measurement job of an environment, a stage and a block of seeds."""
    declared = study.experiments[experiment]
    assert isinstance(declared, Measurement), f"{experiment} is a training experiment"
    measured = [cell for cell in cells(study, experiment) if cell.environment_id == environment_id]
    source = declared.policies_from
    return MeasurementJob(
        measured_by=declared.measured_by,
        environment=measured[0].physics,
        variants={cell.variant_id: declared.estimator_of(cell.variant) for cell in measured},
        others={key: declared.estimator_of(study.variants[name]) for key, name in declared.other_variants.items()},
        stage=stage,
        seeds=tuple(block.seeds),
        policy=None if source is None else study.variants[source.variant].policy,
        options=declared.options,
    )


def _demonstrators(study: Study, cell: Cell, seeds: Iterable[int]) -> Demonstrators | None:
    demonstrator = demonstrator_of(cell)
    if demonstrator is None:
        return None
    available = study.experiments[demonstrator.experiment].seeds
    return Demonstrators(
        policy=study.variants[demonstrator.variant].policy,
        stage=demonstrator.stage,
        seeds=tuple(available.first + seed % available.count for seed in seeds),
    )


def part_of(study: Study, experiments: Iterable[str]) -> Study:
    """Return a study reduced to some of its experiments and what they use, without claims, figures and the report."""
    kept = {name: study.experiments[name] for name in study.experiments if name in set(experiments)}
    environments = {name for experiment in kept.values() for name in experiment.environments}
    used = {name for one in kept.values() for name in (*one.variants, *one.other_variants.values())}
    return study.model_copy(
        update={
            "experiments": kept,
            "environments": {name: study.environments[name] for name in study.environments if name in environments},
            "variants": {name: study.variants[name] for name in study.variants if name in used},
            "claims": {},
            "figures": {},
            "questions": {},
            "report": Report(),
        }
    )


def numbers_of(study: Study, experiments: Iterable[str]) -> Study:
    """Return the part of a study that decides about the tables of some experiments: without labels."""
    part = part_of(study, experiments)
    return part.model_copy(
        update={
            key: {name: one.model_copy(update={"label": None}) for name, one in records.items()}
            for key, records in {"environments": part.environments, "variants": part.variants}.items()
        }
    )
