"""What each job is: its own resolved slice of the study, and nothing else.

A job's canonical text and the digest of the code that it runs are its identity. Snakemake compares both with those
of the last run, so that a job runs again exactly when its meaning has changed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, TypeAdapter

from pg.core.devices import Device
from pg.core.record import Fraction, Name, Record
from pg.environments.record import Environment
from pg.experiments.records import Budget, Evaluate, Sample, Tuning
from pg.parts.learner import Policy
from pg.parts.variant import Variant
from pg.study.code import REFERENCE, ROLLOUT, code_digest, estimator_code, laboratory_code, training_code


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
    snapshots: dict[Name, Fraction] = Field(default={}, description="Stages at which policies are kept.")
    evaluate: Evaluate | None = None
    seeds: tuple[int, ...]
    demonstrators: Demonstrators | None = None
    device: Device = "cpu"

    @property
    def declared_rate(self) -> float:
        """The learning rate that the study gives; 0 where a natural gradient chooses its own step.

        Raises
        ------
        ValueError
            If the rate is yet to be tuned.
        """
        if self.variant.is_tuned:
            raise ValueError("optimizer.learning_rate: tuned: no job has chosen it yet; give the variant a number")
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
        return (*training_code(self.environment, self.variant), *evaluation, "runs.records")


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
        return (*training_code(self.environment, self.variant), "experiments.train.tuning", "experiments.train.curves")


class _Measurement(Job, ABC):
    """What every job of the laboratory says: on which policies of which environment it measures which estimators."""

    environment: Environment
    variants: dict[str, Variant]
    stage: str
    seeds: tuple[int, ...]


class _Estimation(_Measurement, ABC):
    """What every job that measures gradient estimates runs."""

    measured_by: ClassVar[tuple[str, ...]]
    """Modules of this measurement alone."""

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*laboratory_code(self.environment, self.variants.values()), *self.measured_by)


class ProbeJob(_Estimation):
    """Measure estimators on sampled trajectories of the snapshots of one stage."""

    measured_by = (*REFERENCE, "experiments.probe.measure")
    kind: Literal["probe"] = "probe"
    policy: Policy
    sample: Sample


class ExactJob(_Estimation):
    """Enumerate a small MDP under random policies, or under the snapshots of one stage."""

    measured_by = (*REFERENCE, "environments.enumeration", "experiments.exact.measure")
    kind: Literal["exact"] = "exact"
    policy: Policy | None = None
    limit: int
    sampled_batches: int | None


class IdentityJob(_Estimation):
    """Compare the surrogate's gradient with explicit forms of it on random policies."""

    measured_by = ("experiments.identity.measure",)
    kind: Literal["identity"] = "identity"


class UpdateJob(_Estimation):
    """Take single updates from the snapshots of one stage."""

    measured_by = (
        "experiments.update.likelihoods",
        "laboratory.distances",
        "experiments.update.moves",
        "experiments.update.measure",
    )
    kind: Literal["update"] = "update"
    policy: Policy
    updates: int
    fresh: int


class SupportJob(_Estimation):
    """Weight trajectories of proposals that withhold an action; the target policies are random."""

    measured_by = (
        "parts.importance",
        "environments.enumeration",
        "laboratory.reference",
        "experiments.support.measure",
    )
    kind: Literal["support"] = "support"
    action: int
    left: tuple[float, ...]
    repetitions: int
    limit: int


class StalenessJob(_Estimation):
    """Follow gradient steps away from the snapshots of one stage and measure corrections on the way."""

    measured_by = (
        *REFERENCE,
        "environments.enumeration",
        "experiments.probe.measure",
        "laboratory.reuse",
        "experiments.staleness.bias",
        "laboratory.distances",
        "experiments.staleness.measure",
    )
    kind: Literal["staleness"] = "staleness"
    policy: Policy
    walker: Variant
    steps: tuple[int, ...]
    sample: Sample

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out, those of the variant whose steps are followed among them."""
        return (*super().code, *estimator_code([self.walker]))


class HorizonJob(_Estimation):
    """Change the snapshots of one stage by a set divergence and measure weights against the horizon."""

    measured_by = ("laboratory.reuse", "laboratory.distances", "experiments.horizon.measure")
    kind: Literal["horizon"] = "horizon"
    policy: Policy
    horizons: tuple[int, ...]
    kl: float
    trajectories: int


class GaitJob(_Measurement):
    """Watch the snapshots of one stage walk. The only variant is the one that has trained them."""

    kind: Literal["gait"] = "gait"
    policy: Policy
    episodes: int
    frames: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules whose code decides what comes out."""
        return (*ROLLOUT, "environments.humanoid", "laboratory.frozen", "experiments.gait.measure")


EstimatorJob = ProbeJob | ExactJob | IdentityJob | UpdateJob | SupportJob | StalenessJob | HorizonJob
"""Measures gradient estimates, and leaves rows."""

LaboratoryJob = EstimatorJob | GaitJob

LABORATORY_JOBS: TypeAdapter[LaboratoryJob] = TypeAdapter(Annotated[LaboratoryJob, Field(discriminator="kind")])
"""Reads the canonical text of any job of the laboratory."""
