"""Make jobs of measurements, and run them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from pg.core.trajectories import Spaces
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.experiments.kind import Measurement
from pg.laboratory.frozen import random_policy
from pg.laboratory.job import RANDOM, MeasurementJob
from pg.parts.variant import PolicyOptions, Variant

Arrays = dict[str, np.ndarray]


def job_of(
    kind: type[Measurement],
    environment: Environment,
    variants: dict[str, Variant],
    *seeds: int,
    stage: str = "late",
    policy: PolicyOptions | None = None,
    others: dict[str, Variant] | None = None,
    **options: Any,
) -> MeasurementJob[Any]:
    """Return a job of a kind with some options."""
    return MeasurementJob(
        measured_by=kind.measured_by,
        environment=environment,
        variants=variants,
        others=others or {},
        stage=stage if policy else RANDOM,
        seeds=seeds or (0,),
        policy=policy,
        options=kind.options_type(**options),
    )


def rows_of(job: MeasurementJob[Any], policies: Mapping[int, Arrays] | None = None) -> pd.DataFrame:
    """Run a job, by default on random policies in the job's network, and return its rows."""
    if policies is None:
        policies = {} if job.policy is None else {seed: frozen(job.policy, job.environment, seed) for seed in job.seeds}
    return job.measure(policies)["rows"]


def frozen(options: PolicyOptions, where: Environment | Spaces, seed: int) -> Arrays:
    """Return the snapshot of a random policy in single precision."""
    spaces = where if isinstance(where, Spaces) else make_environments(where, 1).spaces
    return arrays(random_policy(options, spaces, seed).float())


def arrays(policy: torch.nn.Module) -> Arrays:
    """Return the parameters of a policy as arrays."""
    return {name: values.numpy() for name, values in policy.state_dict().items()}
