"""The weight of every log-likelihood of one batch in each estimator, for pictures of single trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.environments.mdp import MDP
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.parts.critic import Critic
from pg.parts.variant import Variant

PARTS = 12
"""A longer trajectory is cut into so many parts of nearly equal length."""

_DIGITS = 4


def factors(
    policy: Policy,
    variants: Mapping[str, Variant],
    batch: Trajectories,
    mdp: MDP | None = None,
    critics: Mapping[str, Critic | None] | None = None,
) -> list[dict[str, object]]:
    r"""Return the factor of each score $\nabla \log \pi_\theta(a_t \mid s_t)$ in the estimates of one batch, S = 1.

    There is a row per variant, trajectory and part: its first step and the step after its last, from 1; the sum of its
    rewards; and the mean factor of its steps.
    """
    rewards, rows = batch.rewards[0], []
    for name, variant in variants.items():
        weights = advantages(policy, variant, batch, mdp, (critics or {}).get(name))[0]
        for i, length in enumerate(batch.lengths[0].tolist()):
            edges = np.linspace(0, length, min(length, PARTS) + 1).round().astype(int).tolist()
            for start, end in pairwise(edges):
                row = {"variant": name, "trajectory": i + 1, "step": start + 1, "end": end + 1}
                means = {"reward": _sum(rewards[i, start:end]), "weight": _sum(weights[i, start:end]) / (end - start)}
                rows.append({**row, **{key: float(f"{value:.{_DIGITS}g}") for key, value in means.items()}})
    return rows


def _sum(values: Float[Tensor, " n"]) -> float:
    return values.double().sum().item()
