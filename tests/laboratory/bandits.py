"""Single updates on bandits, and trajectories laid out by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.record import Environment
from pg.experiments.update.measure import Improver
from pg.experiments.update.record import UpdateExperiment
from pg.laboratory.frozen import random_policy
from pg.learning.policies import Policy
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import arrays, job_of, rows_of

LINEAR = PolicyOptions(hidden=())


def variant(baseline: str = "none", batch: int = 4, rate: float = 1e-3, **parts: Any) -> Variant:
    optimizer = Sgd(learning_rate=rate)
    return Variant(baseline=baseline, batch=batch, optimizer=optimizer, policy=LINEAR, **parts)


def on_a_bandit(
    rewards: Sequence[float],
    variants: dict[str, Variant],
    seeds: Sequence[int] = (0,),
    *,
    updates: int = 10,
    fresh: int = 16,
) -> pd.DataFrame:
    environment = Environment(id="pg/Bandit-v0", kwargs={"rewards": list(rewards)})
    options = {"stage": "initial", "policy": LINEAR, "updates": updates, "fresh": fresh}
    job = job_of(UpdateExperiment, environment, variants, *seeds, **options)
    return rows_of(job, {seed: arrays(bandit_policy(len(rewards)).float()) for seed in seeds})


def pulls(arms: Sequence[int], rewards: Sequence[float]) -> Trajectories:
    """Lay one pull of each arm out as a batch of trajectories of one step."""
    pulled = torch.tensor(arms).reshape(1, -1, 1)
    ended = torch.ones(1, len(arms), dtype=torch.bool)
    return Trajectories(
        observations=torch.ones(1, len(arms), 1, 1, dtype=torch.float64),
        actions=pulled,
        rewards=torch.tensor(rewards, dtype=torch.float64)[pulled],
        mask=ended.unsqueeze(-1),
        terminated=ended,
        truncated=~ended,
    )


def bandit_policy(arms: int) -> Policy:
    policy = random_policy(LINEAR, Spaces(1, arms), seed=0)
    with torch.no_grad():
        policy.theta.zero_()
    return policy


def improver(variant: Variant) -> Improver:
    return Improver(variant, None, np.random.default_rng(0), {}, critic=None)


def walks(actions: Sequence[Sequence[int]], states: Sequence[Sequence[int]]) -> Trajectories:
    """Lay walks of any length over four states out, each with return equal to its length."""
    longest = max(map(len, actions))
    shape = (1, len(actions), longest)
    mask = torch.arange(longest) < torch.tensor([len(walk) for walk in actions]).reshape(1, -1, 1)
    seen, done = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.int64)
    for i, (walk, place) in enumerate(zip(actions, states, strict=True)):
        seen[0, i, : len(walk)], done[0, i, : len(walk)] = torch.tensor(place), torch.tensor(walk)
    ended = torch.ones(shape[:2], dtype=torch.bool)
    return Trajectories(
        observations=torch.nn.functional.one_hot(seen, 4).double() * mask.unsqueeze(-1),
        actions=done,
        rewards=mask.double(),
        mask=mask,
        terminated=ended,
        truncated=~ended,
    )
