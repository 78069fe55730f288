"""Records of jobs that measure on frozen policies. They import no torch, because the pipeline plans with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from pg.core.choices import load_class
from pg.core.job import Job
from pg.core.record import Record, SomeDistinct
from pg.environments.record import Environment
from pg.parts.variant import Variant

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters

RANDOM = "random"
"""The stage of random policies, which are not trained."""


class Sample(Record):
    """Numbers of trajectories that are collected with each snapshot."""

    trajectories: Annotated[int, Field(ge=4)] = Field(
        description="Trajectories shared by all estimators; cut into disjoint batches of each size."
    )
    batches: SomeDistinct[Annotated[int, Field(ge=2)]] = Field(
        description="Batch sizes N at which the estimators are measured."
    )
    reference: Annotated[int, Field(ge=32, multiple_of=16)] = Field(
        default=256,
        description="Trajectories of the first independent sample for the reference gradient; doubled while noisy. "
        "Not used where the environment has tables: there the gradient is exact.",
    )
    reference_limit: Annotated[int, Field(ge=4)] = Field(
        default=1024,
        description="Trajectories at which the reference stops growing; it is flagged if it is still noisy.",
    )
    critic_trajectories: Annotated[int, Field(ge=16, multiple_of=16)] = Field(
        default=256, description="Trajectories of one more independent sample, which value networks are fitted to."
    )

    @property
    def largest(self) -> int:
        """The largest number of trajectories in memory at once."""
        return max(self.trajectories, self.reference, self.critic_trajectories)

    @model_validator(mode="after")
    def _has_batches_to_compare(self) -> Self:
        for size in self.batches:
            if self.trajectories % size or self.trajectories < 2 * size:
                raise ValueError(
                    f"batches: {size} does not cut trajectories: {self.trajectories} into two or more equal batches"
                )
        if self.reference_limit < self.reference:
            raise ValueError(f"reference_limit: {self.reference_limit} is below reference: {self.reference}")
        return self


class MeasurementJob(Job):
    """Measure estimators in one environment, on the policies of a block of seeds at one stage."""

    environment: Environment
    variants: dict[str, Variant]
    stage: str
    seeds: tuple[int, ...]

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job.

        Parameters
        ----------
        policies
            Parameters of each seed's frozen policy; empty if the job draws random ones.

        Returns
        -------
        dict
            "rows": a row per seed, variant and size, with the metrics; and a frame for each further table of the kind.
        """
        raise NotImplementedError

    def canonical(self) -> str:
        """Return the job as JSON with its class, which `read_job` reads."""
        cls = type(self)
        return json.dumps({"class": f"{cls.__module__}:{cls.__name__}"} | self.model_dump(mode="json"), sort_keys=True)


def read_job(text: str) -> MeasurementJob:
    """Read the canonical text of a job."""
    options = json.loads(text)
    return load_class(options.pop("class"), MeasurementJob).model_validate_json(json.dumps(options))
