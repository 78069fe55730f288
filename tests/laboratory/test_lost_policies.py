"""A policy that training has lost is measured as not known, and takes nothing from the others."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.stacked import make_environments
from pg.evidence.columns import LABORATORY_COLUMNS
from pg.laboratory.measurement import measure
from pg.learning.policies import make_policy
from pg.study.expansion import blocks, cells
from pg.study.jobs import LaboratoryJob
from pg.study.model.learner import Policy
from pg.study.slicing import laboratory_job
from pg.study.sources import source_of, stages_of
from tests.study.studies import study_of

SMOKE = study_of("workflow/studies/smoke.yaml")
MEASURED = [name for name in SMOKE.experiments if source_of(SMOKE, name) is not None]


def job_of(name: str) -> LaboratoryJob:
    environment = cells(SMOKE, name)[0].environment_id
    block = blocks(SMOKE.experiments[name].seeds)[0]
    return laboratory_job(SMOKE, name, environment, stages_of(SMOKE, name)[0], block)


def policies_of(job: LaboratoryJob, lost: float | None) -> Mapping[int, Mapping[str, np.ndarray]]:
    """Return new policies, the first of them filled with a number."""
    options = getattr(job, "policy", None)
    assert isinstance(options, Policy)
    spaces = make_environments(job.environment, 1, 1).spaces
    policies = {}
    for seed in job.seeds:
        policy = make_policy(options, spaces, torch.Generator().manual_seed(seed))
        state = {name: values.numpy().copy() for name, values in policy.state_dict().items()}
        if seed == job.seeds[0] and lost is not None:
            state = {name: np.full_like(values, lost) for name, values in state.items()}
        policies[seed] = state
    return policies


@pytest.mark.parametrize(("name", "lost"), list(zip(MEASURED, itertools.cycle([np.nan, np.inf]))))
def test_the_others_are_measured_as_if_it_were_not_there(name: str, lost: float) -> None:
    job = job_of(name)
    expected, found = (measure(job, policies_of(job, value))["rows"] for value in (None, lost))
    first = job.seeds[0]
    pd.testing.assert_frame_equal(
        found[found["seed"] != first].reset_index(drop=True), expected[expected["seed"] != first].reset_index(drop=True)
    )
    assert len(found) == len(expected)
    assert set(LABORATORY_COLUMNS[SMOKE.experiments[name].kind]) <= set(found.columns)
