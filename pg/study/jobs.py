"""What each job is: its own resolved slice of the study, and nothing else.

A job's canonical text and the digest of the code that it runs are its identity. Snakemake compares both with those
of the last run, so that a job runs again exactly when its meaning has changed.
"""

from __future__ import annotations

import ast
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pg.study.expansion import Block, Cell, blocks, cells
from pg.study.model import (
    Budget,
    Environment,
    ExactExperiment,
    ProbeExperiment,
    Record,
    Sample,
    Stages,
    Study,
    TrainExperiment,
    Tuning,
    Variant,
)

_PACKAGE = Path(__file__).parent.parent
_ROLLOUT = (
    "trajectories",
    "randomness",
    "environments.catalogue",
    "environments.stacked",
    "learning.policies",
    "learning.rollout",
)
_ESTIMATION = ("estimators.returns", "estimators.surrogate", "estimators.compose")


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


class TrainJob(Job):
    """Train one cell on a block of seeds."""

    environment: Environment
    variant: Variant
    budget: Budget
    snapshots: Stages
    seeds: tuple[int, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*_training_code(self.environment, self.variant), "evidence.records")


class TuneJob(Job):
    """Train one cell with every learning rate of the grid on every tuning seed."""

    environment: Environment
    variant: Variant
    budget: Budget
    tuning: Tuning

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*_training_code(self.environment, self.variant), "evidence.tuning", "evidence.curves")


class ProbeJob(Job):
    """Measure estimators on the snapshots of a block of seeds at one stage."""

    environment: Environment
    variants: dict[str, Variant]
    policy_of: Variant
    stage: str
    sample: Sample
    seeds: tuple[int, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        parts = {module for variant in self.variants.values() for module in _estimator_code(variant)}
        return (
            *_ROLLOUT,
            *_tabular_code(self.environment),
            *sorted(parts),
            "laboratory.probing",
            "learning.updates",
            "estimators.baselines",
            "learning.scores",
        )


class ExactJob(Job):
    """Enumerate a small MDP for a block of random policies."""

    environment: Environment
    variants: dict[str, Variant]
    limit: int
    seeds: tuple[int, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        parts = {module for variant in self.variants.values() for module in _estimator_code(variant)}
        return (
            "trajectories",
            "randomness",
            "learning.policies",
            *_tabular_code(self.environment),
            *sorted(parts),
            "environments.exact",
            "environments.enumeration",
            "laboratory.expectations",
            "laboratory.probing",
            "learning.updates",
            "environments.stacked",
            "environments.catalogue",
            "estimators.baselines",
            "learning.scores",
        )


def train_job(study: Study, cell: Cell, block: Block) -> TrainJob:
    """Return the training job of a cell and a block of seeds."""
    experiment = _train_experiment(study, cell.experiment)
    return TrainJob(
        environment=_physics(cell.environment),
        variant=_nameless(cell.variant),
        budget=experiment.budget,
        snapshots=experiment.snapshots,
        seeds=tuple(block.seeds),
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
    )


def probe_job(study: Study, experiment: str, environment_id: str, stage: str, block: Block) -> ProbeJob:
    """Return the probing job of an environment, a stage and a block of snapshots."""
    declared = study.experiments[experiment]
    assert isinstance(declared, ProbeExperiment)
    here = [cell for cell in cells(study, experiment) if cell.environment_id == environment_id]
    return ProbeJob(
        environment=_physics(here[0].environment),
        variants={cell.variant_id: _estimator_of(cell.variant) for cell in here},
        policy_of=_nameless(study.variants[declared.source.variant]),
        stage=stage,
        sample=declared.sample,
        seeds=tuple(block.seeds),
    )


def exact_job(study: Study, experiment: str, environment_id: str, block: Block) -> ExactJob:
    """Return the enumeration job of an environment and a block of random policies."""
    declared = study.experiments[experiment]
    assert isinstance(declared, ExactExperiment)
    here = [cell for cell in cells(study, experiment) if cell.environment_id == environment_id]
    return ExactJob(
        environment=_physics(here[0].environment),
        variants={cell.variant_id: _nameless(cell.variant) for cell in here},
        limit=declared.limit,
        seeds=tuple(block.seeds),
    )


def source_blocks(study: Study, probe: ProbeExperiment, block: Block) -> tuple[Block, ...]:
    """Return the blocks of the source experiment that hold the snapshots of a probe's block of seeds."""
    source = study.experiments[probe.source.experiment]
    return tuple(other for other in blocks(source.seeds) if other.first <= block.last and other.last >= block.first)


def source_cell(study: Study, probe: ProbeExperiment, environment_name: str) -> Cell:
    """Return the cell of the source experiment that trained a probe's policies in an environment."""
    return next(
        cell
        for cell in cells(study, probe.source.experiment)
        if (cell.environment_name, cell.variant_name) == (environment_name, probe.source.variant)
    )


def part_of(study: Study, experiments: Iterable[str]) -> Study:
    """Return the part of a study that some experiments declare, without claims and figures.

    Variants stay in declared order, up to the last one used: their places give them their colours. Those that the
    experiments do not use are left as bare names, so that editing one changes nothing here.
    """
    kept = {name: study.experiments[name] for name in study.experiments if name in set(experiments)}
    environments = {name for experiment in kept.values() for name in experiment.environments}
    variants = {name for experiment in kept.values() for name in experiment.variants}
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


def canonical(record: Record) -> str:
    """Return a record as JSON that does not depend on the order in which keys were written.

    The order of variants, environments and sweeps has a meaning (colours, columns) and is kept.
    """
    return record.model_dump_json()


def code_digest(modules: Iterable[str]) -> str:
    """Digest the code of modules of `pg`: their syntax trees without docstrings, so that no comment counts.

    Parameters
    ----------
    modules
        Dotted names below `pg`; a package stands for all modules in it.
    """
    digest = hashlib.sha256()
    for module in sorted(set(modules)):
        for path in _files(module):
            digest.update(f"{module}:{_syntax(path)}".encode())
    return digest.hexdigest()[:16]


def _files(module: str) -> list[Path]:
    place = _PACKAGE.joinpath(*module.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


@cache
def _syntax(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _train_experiment(study: Study, name: str) -> TrainExperiment:
    experiment = study.experiments[name]
    assert isinstance(experiment, TrainExperiment)
    return experiment


def _training_code(environment: Environment, variant: Variant) -> tuple[str, ...]:
    return (
        *_ROLLOUT,
        *_tabular_code(environment),
        *_estimator_code(variant),
        "learning.updates",
        "learning.training",
    )


def _estimator_code(variant: Variant) -> tuple[str, ...]:
    baseline = () if variant.baseline == "none" and not variant.normalise_advantages else ("estimators.baselines",)
    scores = ("learning.scores",) if variant.baseline == "optimal" else ()
    return (*_ESTIMATION, *baseline, *scores)


def _tabular_code(environment: Environment) -> tuple[str, ...]:
    return () if environment.id.startswith("CartPole-") else ("environments.tabular",)


def _physics(environment: Environment) -> Environment:
    # A threshold judges a run and a label names it; neither changes what happens in it.
    return environment.model_copy(update={"threshold": None, "label": None})


def _nameless(variant: Variant) -> Variant:
    return variant.model_copy(update={"label": None})


def _estimator_of(variant: Variant) -> Variant:
    # A probe uses the estimator alone, at batch sizes of its own.
    defaults = Variant()
    return variant.model_copy(
        update={"label": None, "optimizer": defaults.optimizer, "policy": defaults.policy, "batch": defaults.batch}
    )
