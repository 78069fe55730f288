"""Short training and tuning runs, and a recorder that keeps their results in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pg.environments.record import Environment
from pg.learning.job import Budget, TrainJob, TuneJob, Tuning
from pg.learning.policies import Parameters
from pg.learning.training import train, tune
from pg.parts.variant import PolicyOptions, Variant

STAGES = {"initial": 0.0, "middle": 0.5, "late": 1.0}
ACTOR_CRITIC: dict[str, Any] = {
    "returns": {"name": "gae", "lambda": 0.9, "bootstrap_at_truncation": True},
    "discount": 0.95,
    "baseline": {"name": "value_network", "hidden": (8,), "fit_steps": 5},
}
_OF_ENVIRONMENTS = ("kwargs", "rewards", "observations")
_OF_JOBS = ("evaluate", "demonstrators", "device", "snapshots")


class Memory:
    """Keeps rows, evaluations and snapshots."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, float | int]] = []
        self.episodes: list[Mapping[str, float | int]] = []
        self.snapshots: dict[tuple[int, str], Mapping[str, np.ndarray]] = {}

    def row(self, row: Mapping[str, float | int]) -> None:
        self.rows.append(row)

    def evaluation(self, row: Mapping[str, float | int]) -> None:
        self.episodes.append(row)

    def snapshot(self, seed: int, stage: str, policy: Mapping[str, np.ndarray]) -> None:
        assert (seed, stage) not in self.snapshots, "each stage is kept once"
        self.snapshots[seed, stage] = policy

    @property
    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows).sort_values(["learning_rate", "seed", "iteration"], ignore_index=True)

    @property
    def evaluations(self) -> pd.DataFrame:
        # Rows of a seed are consecutive and in order, as in a file.
        return pd.DataFrame(sorted(self.episodes, key=lambda row: row["seed"]))


def train_job(
    id: str = "CartPole-v1", *seeds: int, horizon: int = 30, steps: int = 300, iterations: int = 30, **options: Any
) -> TrainJob:
    """Return a job of small networks; options are those of the environment, of the job or else of the variant."""
    environment, job, variant = _divided(options)
    return TrainJob(
        environment=Environment(id=id, horizon=horizon, **environment),
        variant=Variant(**{"policy": PolicyOptions(hidden=(8,)), "batch": 4, **variant}),
        budget=Budget(steps=steps, max_iterations=iterations),
        **{"snapshots": STAGES, "seeds": seeds, **job},
    )


def trained(job: TrainJob, rate: float = 0.02, demonstrators: Mapping[int, Parameters] | None = None) -> Memory:
    memory = Memory()
    train(job, rate, memory, demonstrators)
    return memory


def tune_job(
    id: str, grid: Sequence[float], seeds: int, horizon: int, steps: int = 300, iterations: int = 30, **options: Any
) -> TuneJob:
    """Return a job as `train_job` does."""
    environment, job, variant = _divided(options)
    return TuneJob(
        environment=Environment(id=id, horizon=horizon, **environment),
        variant=Variant(**{"policy": PolicyOptions(hidden=(8,)), "batch": 4, **variant}),
        budget=Budget(steps=steps, max_iterations=iterations),
        tuning=Tuning(grid=tuple(grid), seeds=seeds),
        **job,
    )


def tuned(job: TuneJob) -> Memory:
    memory = Memory()
    tune(job, memory)
    return memory


def _divided(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    environment = {name: options[name] for name in _OF_ENVIRONMENTS if name in options}
    job = {name: options[name] for name in _OF_JOBS if name in options}
    return environment, job, {name: value for name, value in options.items() if name not in {*environment, *job}}
