"""The metrics of a diverged policy are NaN, and do not affect those of other policies."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.stacked import make_environments
from pg.experiments.kind import Measurement
from pg.laboratory.job import MeasurementJob
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import measurement_job
from pg.study.sources import stages_of
from tests.study.studies import study_of

# Experiments of the smoke study.
MEASURED = (
    "gradients",
    "staleness",
    "horizons",
    "lambdas",
    "gait",
    "updates",
    "held",
    "gradients_tables",
    "enumerated_stages",
)


@pytest.fixture(scope="module")
def smoke() -> Study:
    return study_of("workflow/studies/smoke.yaml")


def job_of(study: Study, name: str) -> MeasurementJob:
    environment = cells(study, name)[0].environment_id
    block = study.experiments[name].seeds.blocks[0]
    return measurement_job(study, name, environment, stages_of(study, name)[0], block)


def policies_of(job: MeasurementJob, lost: float | None) -> Mapping[int, Mapping[str, np.ndarray]]:
    """Return new policies, the first of them filled with a number."""
    options = getattr(job, "policy", None)
    assert isinstance(options, PolicyOptions)
    spaces = make_environments(job.environment, 1, 1).spaces
    policies = {}
    for seed in job.seeds:
        policy = Policy(options, spaces, torch.Generator().manual_seed(seed))
        state = {name: values.numpy().copy() for name, values in policy.state_dict().items()}
        if seed == job.seeds[0] and lost is not None:
            state = {name: np.full_like(values, lost) for name, values in state.items()}
        policies[seed] = state
    return policies


def test_cases_cover_every_kind_that_measures_trained_policies(smoke: Study) -> None:
    kinds = {one.kind for name, one in smoke.experiments.items() if smoke.experiments[name].policies_from is not None}
    assert {smoke.experiments[name].kind for name in MEASURED} == kinds


@pytest.mark.parametrize(("name", "lost"), list(zip(MEASURED, itertools.cycle([np.nan, np.inf]))))
def test_lost_policy_changes_no_other_rows(smoke: Study, name: str, lost: float) -> None:
    job = job_of(smoke, name)
    expected, found = (job.measure(policies_of(job, value))["rows"] for value in (None, lost))
    first = job.seeds[0]
    pd.testing.assert_frame_equal(
        found[found["seed"] != first].reset_index(drop=True), expected[expected["seed"] != first].reset_index(drop=True)
    )
    assert len(found) == len(expected)
    experiment = smoke.experiments[name]
    assert isinstance(experiment, Measurement)
    assert set(experiment.columns()) <= set(found.columns)
