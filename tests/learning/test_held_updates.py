"""Every update of the default study with a limit ends within it, measured on its own batch."""

import pandas as pd
import pytest
from pg.experiments.cells import Block, Cell
from pg.experiments.train.record import TrainExperiment
from pg.learning.training import train
from pg.runs.recorder import RunRecorder
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import train_job
from tests.study.studies import study_of

WAYS = ("early_stop", "line_search", "natural_gradient")
SEEDS = Block(0, 3)


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of("config.yaml")


def held(study: Study) -> list[Cell]:
    """Return the cells with updates that must end within their limit; a penalty may exceed it."""
    trained = (name for name, experiment in study.experiments.items() if isinstance(experiment, TrainExperiment))
    every = [cell for name in trained for cell in cells(study, name)]
    return [cell for cell in every if cell.variant.kl is not None and cell.variant.kl.name != "penalty"]


def run(study: Study, cell: Cell) -> pd.DataFrame:
    job, experiment = train_job(study, cell, SEEDS), study.experiments[cell.experiment]
    assert isinstance(experiment, TrainExperiment)
    recorder = RunRecorder(job.total_steps)
    # Of a grid, the rate that meets the limit most often.
    fast = max(experiment.tuning.grid) if experiment.tuning else 0.0
    train(job, dict.fromkeys(job.seeds, fast) if cell.variant.is_tuned else job.declared_rates, recorder)
    return recorder.frame()


def test_study_has_every_limit_that_holds(study: Study) -> None:
    assert {cell.variant.kl.name for cell in held(study) if cell.variant.kl is not None} == set(WAYS)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_no_update_of_the_study_exceeds_its_limit(study: Study, way: str) -> None:
    for cell in held(study):
        if (kl := cell.variant.kl) is not None and kl.name == way:
            furthest = run(study, cell)[f"kl_{kl.direction}"].max()
            assert kl.limit / 2 < furthest <= kl.limit + 1e-6, f"{cell.experiment}, {cell.variant_id}"
