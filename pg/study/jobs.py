"""What each job is: its own resolved slice of the study, and nothing else.

A job's canonical text and the digest of the code that it runs (`pg.study.code`) are its identity. Snakemake compares
both with those of the last run and reruns the job if one has changed.
"""

from __future__ import annotations

import json
from abc import ABC
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from pg.core.devices import Device
from pg.core.record import Fraction, Name, Record
from pg.environments.record import Environment
from pg.experiments.records import Budget, Evaluate, Sample, Tuning
from pg.parts.learner import Policy
from pg.parts.variant import Variant


class Job(Record, ABC):
    """The slice of the study that one job needs."""

    def canonical(self) -> str:
        """Return the job as JSON with sorted keys: equal text means an equal job."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


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


class ExactJob(_Measurement):
    """Enumerate a small MDP under random policies, or under the snapshots of one stage."""

    kind: Literal["exact"] = "exact"
    policy: Policy | None = None
    limit: int
    sampled_batches: int | None


class IdentityJob(_Measurement):
    """Compare the surrogate's gradient with explicit forms of it on random policies."""

    kind: Literal["identity"] = "identity"


class UpdateJob(_Measurement):
    """Take single updates from the snapshots of one stage."""

    kind: Literal["update"] = "update"
    policy: Policy
    updates: int
    fresh: int


class SupportJob(_Measurement):
    """Weight trajectories of proposals that withhold an action; the target policies are random."""

    kind: Literal["support"] = "support"
    action: int
    left: tuple[float, ...]
    repetitions: int
    limit: int


class StalenessJob(_Measurement):
    """Follow gradient steps away from the snapshots of one stage and measure corrections on the way."""

    kind: Literal["staleness"] = "staleness"
    policy: Policy
    walker: Variant
    steps: tuple[int, ...]
    sample: Sample


class HorizonJob(_Measurement):
    """Change the snapshots of one stage by a set divergence and measure weights against the horizon."""

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


EstimatorJob = ProbeJob | ExactJob | IdentityJob | UpdateJob | SupportJob | StalenessJob | HorizonJob
"""Measures gradient estimates, and leaves rows."""

LaboratoryJob = EstimatorJob | GaitJob

LABORATORY_JOBS: TypeAdapter[LaboratoryJob] = TypeAdapter(Annotated[LaboratoryJob, Field(discriminator="kind")])
"""Reads the canonical text of any job of the laboratory."""
