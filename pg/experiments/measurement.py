"""The one door to the laboratory: a job of any kind in, its rows out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pg.experiments.exact.measure import enumerate_moments
from pg.experiments.gait.measure import watch
from pg.experiments.horizon.measure import lengthen_trajectories
from pg.experiments.identity.measure import compare_forms
from pg.experiments.probe.measure import probe
from pg.experiments.staleness.measure import follow_steps
from pg.experiments.support.measure import withhold_support
from pg.experiments.update.measure import take_updates
from pg.learning.policies import Parameters
from pg.study.jobs import (
    EstimatorJob,
    ExactJob,
    GaitJob,
    HorizonJob,
    IdentityJob,
    LaboratoryJob,
    ProbeJob,
    StalenessJob,
    SupportJob,
    UpdateJob,
)


def measure(job: LaboratoryJob, policies: Mapping[int, Parameters]) -> dict[str, pd.DataFrame]:
    """Run a job of the laboratory.

    Parameters
    ----------
    job
        Of any kind.
    policies
        Parameters of each seed's frozen policy; empty where the job draws random ones.

    Returns
    -------
    dict
        What belongs into each file of the job: its rows, one per seed, variant and batch size; and the poses, where
        it watches gaits.
    """
    if isinstance(job, GaitJob):
        gaits = watch(job, policies)
        return {"rows": gaits.rows, "poses": gaits.poses}
    return {"rows": _rows(job, policies)}


def _rows(job: EstimatorJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    match job:
        case ProbeJob():
            return probe(job, policies)
        case ExactJob():
            return enumerate_moments(job, policies)
        case IdentityJob():
            return compare_forms(job)
        case UpdateJob():
            return take_updates(job, policies)
        case SupportJob():
            return withhold_support(job)
        case StalenessJob():
            return follow_steps(job, policies)
        case HorizonJob():
            return lengthen_trajectories(job, policies)
