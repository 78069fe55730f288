"""What each job is: its own resolved slice of the study, and nothing else.

A job's canonical text and the digest of the code that it runs are its identity. Snakemake compares both with those
of the last run, so that a job runs again exactly when its meaning has changed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from pg.study.code import ROLLOUT, code_digest, laboratory_code, reference_code, training_code
from pg.study.model.base import Fraction, Name, Record
from pg.study.model.environment import Environment
from pg.study.model.experiments import Budget, Evaluate, Sample, Tuning
from pg.study.model.learner import Policy
from pg.study.model.study import Device
from pg.study.model.variant import Variant


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


class CannotRunHere(RuntimeError):
    """The machine lacks what a job needs."""


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
    snapshots: dict[Name, Fraction] = Field(default={}, description="Stages at which policies are kept.")
    evaluate: Evaluate | None = None
    seeds: tuple[int, ...]
    demonstrators: Demonstrators | None = None
    device: Device = "cpu"

    @property
    def declared_rate(self) -> float:
        """The learning rate that the study gives; 0 where a natural gradient chooses its own step."""
        rate = self.variant.optimizer.learning_rate
        return 0.0 if rate == "tuned" else rate

    @property
    def total_steps(self) -> int:
        """Environment steps that all seeds together may take."""
        return self.budget.steps * len(self.seeds)

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
    device: Device = "cpu"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The tuning seeds."""
        return tuple(range(self.tuning.seeds))

    @property
    def total_steps(self) -> int:
        """Environment steps that all seeds together may take at all learning rates."""
        return self.budget.steps * len(self.seeds) * len(self.tuning.grid)

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
