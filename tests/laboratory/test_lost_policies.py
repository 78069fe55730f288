"""The metrics of a diverged policy are NaN, and do not affect those of other policies."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.experiments.kind import Measurement
from pg.laboratory.job import MeasurementJob
from pg.study.slicing import measurement_job
from pg.study.sources import places_of
from tests.laboratory.jobs import frozen
from tests.study.studies import study_of

SMOKE = study_of("workflow/studies/smoke.yaml")
MEASURED = [name for name, one in SMOKE.experiments.items() if one.policies_from is not None]
"""Experiments that measure trained policies, of every such kind."""


def job_of(name: str) -> MeasurementJob[Any]:
    environment, stage = places_of(SMOKE, name)[0]
    return measurement_job(SMOKE, name, environment, stage, SMOKE.experiments[name].seeds.blocks[0])


def policies_of(job: MeasurementJob[Any], value: float | None) -> Mapping[int, Mapping[str, np.ndarray]]:
    """Return new policies; the parameters of the first are set to a number if one is given."""
    assert job.policy is not None
    policies = {seed: frozen(job.policy, job.environment, seed) for seed in job.seeds}
    if value is not None:
        first = job.seeds[0]
        policies[first] = {name: np.full_like(values, value) for name, values in policies[first].items()}
    return policies


@pytest.mark.parametrize(("name", "value"), list(zip(MEASURED, itertools.cycle([np.nan, np.inf]))))
def test_diverged_policy_changes_no_other_rows(name: str, value: float) -> None:
    job = job_of(name)
    expected, found = (job.measure(policies_of(job, number))["rows"] for number in (None, value))
    first = job.seeds[0]
    pd.testing.assert_frame_equal(
        found[found["seed"] != first].reset_index(drop=True), expected[expected["seed"] != first].reset_index(drop=True)
    )
    assert len(found) == len(expected)
    experiment = SMOKE.experiments[name]
    assert isinstance(experiment, Measurement)
    assert set(experiment.columns()) <= set(found.columns)
