"""What each job is: its own resolved slice of the study, and nothing else.

A job's canonical text and the digest of the code that it runs are its identity. Snakemake compares both with those
of the last run, so that a job runs again exactly when its meaning has changed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from pg.study.code import ROLLOUT, code_digest, laboratory_code, reference_code, training_code
from pg.study.expansion import Block, Cell, blocks, cells
from pg.study.model.base import Record
from pg.study.model.environment import Environment
from pg.study.model.experiments import (
    Budget,
    Evaluate,
    ExactExperiment,
    Experiment,
    GaitExperiment,
    HorizonExperiment,
    IdentityExperiment,
    ProbeExperiment,
    Sample,
    Source,
    Stages,
    StalenessExperiment,
    SupportExperiment,
    TrainExperiment,
    Tuning,
    UpdateExperiment,
)
from pg.study.model.learner import Clone, Demonstrator, Policy
from pg.study.model.study import Study
from pg.study.model.variant import Variant

RANDOM = "random"
"""The stage of policies that come from no training."""


class Job(Record, ABC):
    """A slice of the study that one job needs, and the code it runs."""

    def canonical(self) -> str:
        """Return the job as JSON with sorted keys: equal text means an equal job."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    def digest(self) -> str:
        """Digest the code that the job runs."""
        return code_digest(self.code)

    @property
    @abstractmethod
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""


class Demonstrators(Record):
    """The snapshots that a training job imitates."""

    policy: Policy
    stage: str
    seeds: tuple[int, ...] = Field(description="Whose policy each seed of the job is shown, in the job's order.")


class TrainJob(Job):
    """Train one cell on a block of seeds."""

    environment: Environment
    variant: Variant
    budget: Budget
    snapshots: Stages
    evaluate: Evaluate | None = None
    seeds: tuple[int, ...]
    demonstrators: Demonstrators | None = None

    @property
    def declared_rate(self) -> float:
        """The learning rate that the study gives; 0 where a natural gradient chooses its own step."""
        rate = self.variant.optimizer.learning_rate
        return 0.0 if rate == "tuned" else rate

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        evaluation = () if self.evaluate is None else ("learning.evaluation",)
        return (*training_code(self.environment, self.variant), *evaluation, "evidence.records")


class TuneJob(Job):
    """Train one cell with every learning rate of the grid on every tuning seed."""

    environment: Environment
    variant: Variant
    budget: Budget
    tuning: Tuning
    demonstrators: Demonstrators | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The tuning seeds."""
        return tuple(range(self.tuning.seeds))

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*training_code(self.environment, self.variant), "evidence.tuning", "evidence.curves")


class _Measurement(Job, ABC):
    """What every job of the laboratory says: on which policies of which environment it measures which estimators."""

    environment: Environment
    variants: dict[str, Variant]
    stage: str
    seeds: tuple[int, ...]


class ProbeJob(_Measurement):
    """Measure estimators on sampled trajectories of the snapshots of one stage."""

    kind: Literal["probe"] = "probe"
    policy: Policy
    sample: Sample

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, self.variants.values()),
            *reference_code(),
            "laboratory.probing",
        )


class ExactJob(_Measurement):
    """Enumerate a small MDP under random policies, or under the snapshots of one stage."""

    kind: Literal["exact"] = "exact"
    policy: Policy | None = None
    limit: int
    sampled_batches: int | None

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, self.variants.values()),
            *reference_code(),
            "environments.enumeration",
            "laboratory.expectations",
        )


class IdentityJob(_Measurement):
    """Compare the surrogate's gradient with explicit forms of it on random policies."""

    kind: Literal["identity"] = "identity"

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*laboratory_code(self.environment, self.variants.values()), "laboratory.identities")


class UpdateJob(_Measurement):
    """Take single updates from the snapshots of one stage."""

    kind: Literal["update"] = "update"
    policy: Policy
    updates: int
    fresh: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, self.variants.values()),
            "laboratory.likelihoods",
            "laboratory.distances",
            "laboratory.moves",
            "laboratory.single_updates",
        )


class SupportJob(_Measurement):
    """Weight trajectories of proposals that withhold an action; the target policies are random."""

    kind: Literal["support"] = "support"
    action: int
    left: tuple[float, ...]
    repetitions: int
    limit: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, self.variants.values()),
            "estimators.importance",
            "environments.enumeration",
            "laboratory.reference",
            "laboratory.support",
        )


class StalenessJob(_Measurement):
    """Follow gradient steps away from the snapshots of one stage and measure corrections on the way."""

    kind: Literal["staleness"] = "staleness"
    policy: Policy
    walker: Variant
    steps: tuple[int, ...]
    sample: Sample

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, [*self.variants.values(), self.walker]),
            *reference_code(),
            "environments.enumeration",
            "laboratory.probing",
            "laboratory.reuse",
            "laboratory.bias",
            "laboratory.distances",
            "laboratory.staleness",
        )


class HorizonJob(_Measurement):
    """Change the snapshots of one stage by a set divergence and measure weights against the horizon."""

    kind: Literal["horizon"] = "horizon"
    policy: Policy
    horizons: tuple[int, ...]
    kl: float
    trajectories: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (
            *laboratory_code(self.environment, self.variants.values()),
            "laboratory.reuse",
            "laboratory.distances",
            "laboratory.horizons",
        )


class GaitJob(_Measurement):
    """Watch the snapshots of one stage walk. The only variant is the one that has trained them."""

    kind: Literal["gait"] = "gait"
    policy: Policy
    episodes: int
    frames: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*ROLLOUT, "environments.humanoid", "laboratory.frozen", "laboratory.gait")


EstimatorJob = ProbeJob | ExactJob | IdentityJob | UpdateJob | SupportJob | StalenessJob | HorizonJob
"""Measures gradient estimates, and leaves rows."""
LaboratoryJob = EstimatorJob | GaitJob
LABORATORY_JOBS: TypeAdapter[LaboratoryJob] = TypeAdapter(Annotated[LaboratoryJob, Field(discriminator="kind")])
"""Reads the canonical text of any job of the laboratory."""


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
    )


def tune_job(study: Study, cell: Cell) -> TuneJob:
    """Return the tuning job of a cell."""
    experiment = _train_experiment(study, cell.experiment)
    assert experiment.tuning is not None, "validation lets no tuned variant pass without a grid"
    return TuneJob(
        environment=_physics(cell.environment),
        variant=_nameless(cell.variant),
        budget=experiment.budget,
        tuning=experiment.tuning,
        demonstrators=_demonstrators(study, cell, range(experiment.tuning.seeds)),
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


def source_of(study: Study, experiment: str) -> Source | None:
    """Return where the policies of a laboratory experiment come from; None where they are random."""
    return getattr(study.experiments[experiment], "source", None)


def stages_of(study: Study, experiment: str) -> tuple[str, ...]:
    """Return the stages of the policies that a laboratory experiment measures on."""
    source = source_of(study, experiment)
    return (RANDOM,) if source is None else source.stages


def source_blocks(study: Study, source: Source, block: Block) -> tuple[Block, ...]:
    """Return the blocks of the source experiment that hold the snapshots of a block of policies."""
    seeds = study.experiments[source.experiment].seeds
    return tuple(other for other in blocks(seeds) if other.first <= block.last and other.last >= block.first)


def demonstrator_of(cell: Cell) -> Demonstrator | None:
    """Return whose snapshots a cell's policies imitate; None where they begin at random or by a controller."""
    start = cell.variant.initialise
    return start.clone if isinstance(start, Clone) else None


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


def part_of(study: Study, experiments: Iterable[str]) -> Study:
    """Return the part of a study that some experiments declare, without claims and figures.

    Variants stay in declared order, up to the last one used: their places give them their colours. Those that the
    experiments do not use are left as bare names, so that editing one changes nothing here.
    """
    kept = {name: study.experiments[name] for name in study.experiments if name in set(experiments)}
    environments = {name for experiment in kept.values() for name in experiment.environments}
    variants = {name for experiment in kept.values() for name in (*experiment.variants, *_walkers(experiment))}
    names = list(study.variants)
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


def canonical(record: Record) -> str:
    """Return a record as JSON that does not depend on the order in which keys were written.

    The order of variants, environments and sweeps has a meaning (colours, columns) and is kept.
    """
    return record.model_dump_json()


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
