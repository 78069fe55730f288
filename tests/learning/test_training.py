"""A seed's rows are its own, whatever company it trains in; budgets and stages mean what they say."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from pg.evidence.records import RUN_COLUMNS
from pg.learning.training import train, tune
from pg.study.jobs import TrainJob, TuneJob
from pg.study.model import Budget, Environment, Policy, Tuning, Variant

STAGES = {"initial": 0.0, "middle": 0.5, "late": 1.0}


class Memory:
    """A recorder that keeps everything."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, float | int]] = []
        self.snapshots: dict[tuple[int, str], Mapping[str, np.ndarray]] = {}

    def row(self, row: Mapping[str, float | int]) -> None:
        self.rows.append(row)

    def snapshot(self, seed: int, stage: str, policy: Mapping[str, np.ndarray]) -> None:
        assert (seed, stage) not in self.snapshots, "each stage is kept once"
        self.snapshots[seed, stage] = policy

    @property
    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows).sort_values(["learning_rate", "seed", "iteration"], ignore_index=True)


def trained(id: str, *seeds: int, steps: int = 1200, horizon: int = 100, **variant: object) -> Memory:
    memory = Memory()
    job = TrainJob(
        environment=Environment(id=id, horizon=horizon),
        variant=Variant(policy=Policy(hidden=(16, 16)), **{"batch": 8, **variant}),
        budget=Budget(steps=steps, max_iterations=30),
        snapshots=STAGES,
        seeds=seeds,
    )
    train(job, 0.02, memory)
    return memory


@pytest.mark.parametrize("id", ["CartPole-v1", "InvertedPendulum-v5", "pg/Chain-v0"])
@pytest.mark.parametrize("baseline", ["per_step_leave_one_out", "optimal"])
def test_rows_and_policies_of_a_seed_are_bit_identical_in_any_company(id: str, baseline: str) -> None:
    together = trained(id, *range(10), baseline=baseline)
    expected = together.frame.to_csv(index=False)
    for size in (1, 3):
        parts = [trained(id, *range(i, min(i + size, 10)), baseline=baseline) for i in range(0, 10, size)]
        assert pd.concat([part.frame for part in parts]).to_csv(index=False) == expected
        for part in parts:
            for key, policy in part.snapshots.items():
                for name, values in policy.items():
                    np.testing.assert_array_equal(values, together.snapshots[key][name])


@pytest.mark.parametrize("id", ["Acrobot-v1", "MountainCarContinuous-v0", "HalfCheetah-v5"])
def test_any_gymnasium_environment_trains_by_its_id(id: str) -> None:
    frame = trained(id, 0, 1, steps=200, horizon=20, batch=4).frame
    assert list(frame.columns) == list(RUN_COLUMNS)
    assert np.isfinite(frame.to_numpy(dtype=np.float64)).all()
    assert frame.groupby("seed")["steps"].max().ge(200).all()


def test_a_run_ends_with_the_batch_that_reaches_the_budget_or_the_last_iteration() -> None:
    frame = trained("CartPole-v1", 0, 1).frame
    for _, run in frame.groupby("seed"):
        assert run["iteration"].tolist() == list(range(1, len(run) + 1))
        assert (run["steps"].iloc[:-1] < 1200).all()
        assert run["steps"].iloc[-1] >= 1200 or len(run) == 30
        np.testing.assert_array_equal(run["episodes"], 8 * run["iteration"])
        np.testing.assert_allclose(run["steps"].diff().iloc[1:], 8 * run["length_mean"].iloc[1:])
    assert trained("CartPole-v1", 0, steps=10**9).frame["iteration"].max() == 30


def test_snapshots_are_the_policies_of_their_stages() -> None:
    memory = trained("CartPole-v1", 0, 1)
    assert set(memory.snapshots) == {(seed, stage) for seed in (0, 1) for stage in STAGES}
    weights = [memory.snapshots[0, stage]["layers.0.weight"] for stage in STAGES]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])


def test_tuning_tries_every_rate_on_every_tuning_seed_with_numbers_of_its_own() -> None:
    memory = Memory()
    job = TuneJob(
        environment=Environment(id="CartPole-v1", horizon=50),
        variant=Variant(policy=Policy(hidden=(8,)), batch=4),
        budget=Budget(steps=300),
        tuning=Tuning(grid=(0.001, 0.1), seeds=3),
    )
    tune(job, memory)
    frame = memory.frame
    assert set(zip(frame["learning_rate"], frame["seed"], strict=True)) == {
        (r, s) for r in (0.001, 0.1) for s in range(3)
    }
    assert not memory.snapshots
    first = frame[frame["iteration"] == 1].pivot_table(index="seed", columns="learning_rate", values="return_mean")
    np.testing.assert_array_equal(first[0.001], first[0.1])
    evaluated = trained("CartPole-v1", 0, horizon=50, batch=4).frame
    assert evaluated["return_mean"].iloc[0] != first[0.001].iloc[0]


def test_training_improves_the_return() -> None:
    frame = trained("CartPole-v1", 0, 1, 2, 3, steps=20_000, horizon=200, baseline="per_step_leave_one_out").frame
    runs = [run["return_mean"] for _, run in frame.groupby("seed")]
    assert all(run.iloc[-5:].mean() > 2 * run.iloc[:5].mean() for run in runs)
