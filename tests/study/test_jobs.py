"""Properties of jobs."""

from typing import Any

import pytest
from pg.experiments.cells import Block
from pg.learning.job import TrainJob
from pg.study.expansion import cells
from pg.study.slicing import train_job, tune_job
from pg.study.validation import load


def test_a_job_counts_the_steps_of_all_its_runs(options: dict[str, Any]) -> None:
    study = load(options)
    cell = cells(study, "learn")[0]
    assert train_job(study, cell, Block(1, 3)).total_steps == 3 * 100
    # Two rates on two tuning seeds.
    assert tune_job(study, cell).total_steps == 2 * 2 * 100


def test_a_job_is_written_in_the_words_of_a_study_file_and_reads_its_own_canonical_text() -> None:
    job = TrainJob.model_validate(
        {
            "environment": {"id": "CartPole-v1"},
            "variant": {"baseline": "leave_one_out", "optimizer": {"learning_rate": 0.01}},
            "budget": {"steps": 100},
            "seeds": [4, 5],
        }
    )
    assert (job.seeds, job.snapshots, job.declared_rate) == ((4, 5), {}, 0.01)
    assert TrainJob.model_validate_json(job.canonical()) == job


def test_a_rate_that_is_yet_to_be_tuned_is_no_rate() -> None:
    job = TrainJob.model_validate(
        {"environment": {"id": "CartPole-v1"}, "variant": {}, "budget": {"steps": 1}, "seeds": [0]}
    )
    with pytest.raises(ValueError, match="learning_rate: tuned: no job has chosen it yet; give the variant a number"):
        _ = job.declared_rate


def test_a_natural_gradient_chooses_its_step_and_has_no_rate() -> None:
    held = {"kl": {"limit": 0.01, "hold_by": "natural_gradient"}}
    job = TrainJob.model_validate(
        {"environment": {"id": "CartPole-v1"}, "variant": held, "budget": {"steps": 1}, "seeds": [0]}
    )
    assert job.declared_rate == 0.0
