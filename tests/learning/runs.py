"""Short training and tuning runs, and a recorder that keeps their results in memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from pg.core.trajectories import Spaces
from pg.environments.record import Environment, Observations, Rewards
from pg.experiments.train.tuning import tune
from pg.learning.job import Budget, Demonstrators, Evaluate, TrainJob, TuneJob, Tuning
from pg.learning.policies import Parameters, Policy
from pg.learning.training import train
from pg.parts.limits.natural_gradient import NaturalGradient
from pg.parts.limits.penalty import Penalty
from pg.parts.starts.base import Demonstrator
from pg.parts.starts.clone import Clone
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
    return TrainJob(
        budget=Budget(steps=steps, max_iterations=iterations),
        **{"snapshots": STAGES, "seeds": seeds, **_divided(id, horizon, options)},
    )


def trained(job: TrainJob, rate: float = 0.02, demonstrators: Mapping[int, Parameters] | None = None) -> Memory:
    memory = Memory()
    train(job, dict.fromkeys(job.seeds, rate), memory, demonstrators)
    return memory


def tune_job(
    id: str, grid: Sequence[float], seeds: int, horizon: int, steps: int = 300, iterations: int = 30, **options: Any
) -> TuneJob:
    """Return a job as `train_job` does: one selection, without rates beyond the grid."""
    return TuneJob(
        budget=Budget(steps=steps, max_iterations=iterations),
        tuning=Tuning(grid=tuple(grid), within=(min(grid), max(grid)), seeds=seeds, selections=1),
        **_divided(id, horizon, options),
    )


def tuned(job: TuneJob) -> Memory:
    memory = Memory()
    tune(job, memory)
    return memory


def _divided(id: str, horizon: int, options: dict[str, Any]) -> dict[str, Any]:
    environment = {name: options.pop(name) for name in _OF_ENVIRONMENTS if name in options}
    job = {name: options.pop(name) for name in _OF_JOBS if name in options}
    variant = Variant(**{"policy": PolicyOptions(hidden=(8,)), "batch": 4, **options})
    return {"environment": Environment(id=id, horizon=horizon, **environment), "variant": variant, **job}


def jobs_with_state(make: Callable[..., TrainJob], policy: PolicyOptions, *demonstrators: int) -> dict[str, TrainJob]:
    """Return jobs of a kind whose parts keep a state between iterations, or need more than a batch."""
    shown_by = Demonstrator(experiment="learn", variant="to_go", stage="late")
    return {
        "penalty": make(gradient_steps=3, kl=Penalty(limit=0.001)),
        "natural gradient": make(kl=NaturalGradient(limit=0.01)),
        "minibatches": make(importance={"name": "per_step", "clip": 0.2}, gradient_steps=2, minibatches=2),
        "normalised": make("InvertedPendulum-v5", observations=Observations(normalise=True)),
        "normalised rewards": make(rewards=Rewards(normalise=True), importance="trajectory", window={"batches": 2}),
        "window": make(importance="trajectory", baseline="leave_one_out", window={"batches": 2}),
        "evaluated": make(evaluate=Evaluate(every_steps=100, episodes=2)),
        "tables": make("FrozenLake-v1", baseline="exact", importance="exact_state", gradient_steps=2),
        "clone": make(
            initialise=Clone(clone=shown_by, demonstrations=4, epochs=3),
            demonstrators=Demonstrators(policy=policy, stage="late", seeds=demonstrators),
        ),
    }


def demonstrator(options: PolicyOptions, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the parameters of a new policy of CartPole."""
    policy = Policy(options, Spaces(4, 2), torch.Generator().manual_seed(seed))
    return {name: values.numpy() for name, values in policy.state_dict().items()}
