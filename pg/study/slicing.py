"""Cut a study into slices: what one job needs, what one figure shows, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pg.core.record import Record
from pg.environments.record import Environment
from pg.experiments.cells import Block, Cell
from pg.experiments.records import (
    Evaluate,
    ExactExperiment,
    Experiment,
    GaitExperiment,
    HorizonExperiment,
    IdentityExperiment,
    ProbeExperiment,
    StalenessExperiment,
    SupportExperiment,
    TrainExperiment,
    UpdateExperiment,
)
from pg.parts.variant import Variant
from pg.study.expansion import cells
from pg.study.jobs import (
    Demonstrators,
    ExactJob,
    GaitJob,
    HorizonJob,
    IdentityJob,
    LaboratoryJob,
    ProbeJob,
    StalenessJob,
    SupportJob,
    TrainJob,
    TuneJob,
    UpdateJob,
)
from pg.study.record import Study
from pg.study.sources import demonstrator_of, source_of


def canonical(record: Record) -> str:
    """Return a record as JSON that does not depend on the order in which keys were written.

    The order of variants, environments and sweeps has a meaning (colours, columns) and is kept.
    """
    return record.model_dump_json()


def train_job(study: Study, cell: Cell, block: Block) -> TrainJob:
    """Return the training job of a cell and a block of seeds."""
    experiment = _train_experiment(study, cell.experiment)
    return TrainJob(
        environment=_physics(cell.environment),
        variant=_nameless(cell.variant),
        budget=experiment.budget,
        snapshots=experiment.snapshots,
        evaluate=_unjudged(experiment.evaluate),
        seeds=tuple(block.seeds),
        demonstrators=_demonstrators(study, cell, block.seeds),
        device=study.device,
    )


def tune_job(study: Study, cell: Cell) -> TuneJob:
    """Return the tuning job of a cell."""
    experiment = _train_experiment(study, cell.experiment)
    assert experiment.tuning is not None, "validation lets no tuned variant pass without a grid"
    return TuneJob(
        environment=_physics(cell.environment),
        # Scores are made from returns alone.
        variant=_nameless(cell.variant.as_tuned),
        budget=experiment.budget,
        tuning=experiment.tuning,
        demonstrators=_demonstrators(study, cell, range(experiment.tuning.seeds)),
        device=study.device,
    )


def laboratory_job(study: Study, experiment: str, environment_id: str, stage: str, block: Block) -> LaboratoryJob:
    """Return the job of a laboratory experiment in an environment, at a stage, on a block of policies."""
    declared = study.experiments[experiment]
    measured = _common(study, experiment, environment_id, stage, block)
    match declared:
        case ProbeExperiment():
            measured["variants"] = {name: _estimator_of(variant) for name, variant in measured["variants"].items()}
            return ProbeJob(**measured, sample=declared.sample)
        case ExactExperiment():
            return ExactJob(**measured, limit=declared.limit, sampled_batches=declared.sampled_batches)
        case IdentityExperiment():
            return IdentityJob(**measured)
        case UpdateExperiment():
            return UpdateJob(**measured, updates=declared.updates, fresh=declared.fresh)
        case SupportExperiment():
            options = {name: getattr(declared, name) for name in ("action", "left", "repetitions", "limit")}
            return SupportJob(**measured, **options)
        case StalenessExperiment():
            walker = _measured(study.variants[declared.walk.variant])
            return StalenessJob(**measured, walker=walker, steps=declared.walk.steps, sample=declared.sample)
        case HorizonExperiment():
            options = {name: getattr(declared, name) for name in ("horizons", "kl", "trajectories")}
            return HorizonJob(**measured, **options)
        case GaitExperiment():
            return GaitJob(**measured, episodes=declared.episodes, frames=declared.frames)
        case TrainExperiment():
            raise TypeError(f"{experiment} trains; only the laboratory's experiments have such jobs")


def _common(study: Study, experiment: str, environment_id: str, stage: str, block: Block) -> dict[str, Any]:
    """Return what jobs of every kind say, and the network of the policies where they come from a source."""
    here = [cell for cell in cells(study, experiment) if cell.environment_id == environment_id]
    measured: dict[str, Any] = {
        "environment": _physics(here[0].environment),
        "variants": {cell.variant_id: _measured(cell.variant) for cell in here},
        "stage": stage,
        "seeds": tuple(block.seeds),
    }
    source = source_of(study, experiment)
    return measured if source is None else measured | {"policy": study.variants[source.variant].policy}


def _train_experiment(study: Study, name: str) -> TrainExperiment:
    experiment = study.experiments[name]
    assert isinstance(experiment, TrainExperiment)
    return experiment


def _demonstrators(study: Study, cell: Cell, seeds: Iterable[int]) -> Demonstrators | None:
    demonstrator = demonstrator_of(cell)
    if demonstrator is None:
        return None
    held = study.experiments[demonstrator.experiment].seeds
    return Demonstrators(
        policy=study.variants[demonstrator.variant].policy,
        stage=demonstrator.stage,
        seeds=tuple(held.first + seed % held.count for seed in seeds),
    )


def _physics(environment: Environment) -> Environment:
    # A threshold judges a run and a label names it; neither changes what happens in it.
    return environment.model_copy(update={"threshold": None, "label": None})


def _unjudged(evaluate: Evaluate | None) -> Evaluate | None:
    # The level judges what the episodes have returned; it does not change them.
    return None if evaluate is None else evaluate.model_copy(update={"passed_at": None})


def _nameless(variant: Variant) -> Variant:
    return variant.model_copy(update={"label": None})


def _measured(variant: Variant) -> Variant:
    # Policies of the laboratory come from snapshots or chance, whatever their variant begins training with.
    return _nameless(variant).model_copy(update={"initialise": Variant().initialise})


def _estimator_of(variant: Variant) -> Variant:
    # A probe uses the estimator alone, at batch sizes of its own.
    defaults = Variant()
    return _measured(variant).model_copy(
        update={"optimizer": defaults.optimizer, "policy": defaults.policy, "batch": defaults.batch}
    )


def part_of(study: Study, experiments: Iterable[str], *, coloured: bool = True) -> Study:
    """Return the part of a study that some experiments declare, without claims and figures.

    Variants stay in declared order, up to the last one used: their places give them their colours. Those that the
    experiments do not use are left as bare names, so that editing one changes nothing here. Where nothing is drawn
    they are left out, so that a new variant changes nothing here wherever it stands.
    """
    kept = {name: study.experiments[name] for name in study.experiments if name in set(experiments)}
    environments = {name for experiment in kept.values() for name in experiment.environments}
    variants = {name for experiment in kept.values() for name in (*experiment.variants, *_walkers(experiment))}
    names = list(study.variants) if coloured else [name for name in study.variants if name in variants]
    last = max(names.index(name) for name in variants)
    return study.model_copy(
        update={
            "experiments": kept,
            "environments": {name: study.environments[name] for name in study.environments if name in environments},
            "variants": {name: study.variants[name] if name in variants else Variant() for name in names[: last + 1]},
            "claims": {},
            "figures": {},
        }
    )


def _walkers(experiment: Experiment) -> tuple[str, ...]:
    """Name the variant whose steps an experiment follows, beside those that it measures."""
    return (experiment.walk.variant,) if isinstance(experiment, StalenessExperiment) else ()
