"""Records of jobs that measure on frozen policies. They import no torch, because the pipeline plans with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar

from pydantic import Field, SerializeAsAny, model_validator

from pg.core.choices import load_class
from pg.core.record import Job, Record, SomeDistinct
from pg.environments.record import Environment
from pg.parts.variant import PolicyOptions, Variant

if TYPE_CHECKING:
    from pandas import DataFrame

    from pg.learning.policies import Parameters

Options = TypeVar("Options", bound=Record)

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

    def collected(self, environment: Environment, references: int) -> int:
        """Return the most trajectories of a policy, with a number of reference samples, each as large as its limit.

        Environments with tables need no reference sample. The few of gymnasium that have tables count as if without.
        """
        return self.trajectories + (0 if environment.id.startswith("pg/") else references * self.reference_limit)

    @model_validator(mode="after")
    def _has_batches_to_compare(self) -> Self:
        for size in self.batches:
            if self.trajectories % size or self.trajectories < 2 * size:
                raise ValueError(
                    f"batches: {size} does not divide trajectories: {self.trajectories} into two or more equal batches"
                )
        if self.reference_limit < self.reference:
            raise ValueError(f"reference_limit: {self.reference_limit} is below reference: {self.reference}")
        return self


class MeasurementJob(Job, Generic[Options]):
    """Measure estimators in one environment, on the policies of a block of seeds at one stage.

    Attributes
    ----------
    measured_by
        The function that measures, as `module:function`, because plans must not import it. It takes the job and the
        parameters of each seed's frozen policy, which are empty if the job draws random ones. It returns a data frame
        with a row per seed, variant and size; or a dict of this frame as "rows" and further tables by name.
    others
        Variants that are used in addition to those that are measured, by their key in the experiment.
    policy
        The network of the frozen policies; None if the job draws random ones.
    options
        The options of the kind of experiment that decide the rows.
    """

    measured_by: str
    environment: Environment
    variants: dict[str, Variant]
    others: dict[str, Variant] = Field(default={})
    stage: str
    seeds: tuple[int, ...]
    policy: PolicyOptions | None = None
    options: SerializeAsAny[Options]

    def measure(self, policies: Mapping[int, Parameters]) -> dict[str, DataFrame]:
        """Run the job; return its rows as "rows", and further tables by name."""
        module, _, function = self.measured_by.partition(":")
        found = getattr(import_module(module), function)(self, policies)
        return found if isinstance(found, dict) else {"rows": found}

    def canonical(self) -> str:
        """Return the job as JSON with the class of its options, which `read_job` reads."""
        cls = type(self.options)
        return json.dumps({"class": f"{cls.__module__}:{cls.__name__}"} | self.model_dump(mode="json"), sort_keys=True)


def read_job(text: str) -> MeasurementJob[Any]:
    """Read the canonical text of a job."""
    job = json.loads(text)
    options_type = load_class(job.pop("class"), Record)
    return MeasurementJob[options_type].model_validate_json(json.dumps(job))
