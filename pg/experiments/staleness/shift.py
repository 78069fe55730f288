"""Histograms of what moves with a policy: the states that it visits, and the importance weights of old data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from pg.core.trajectories import Trajectories, valid_steps
from pg.environments.mdp import MDP
from pg.learning.policies import Policy
from pg.learning.tabular import state_distributions_of

_LOG_WEIGHTS = np.arange(-4.0, 4.01, 0.25)
_BINS = 16
_COMPONENTS = 4
_TAILS = (0.01, 0.99)


def weight_counts(weights: Float[Tensor, "S N #T"], live: Bool[Tensor, "S N #T"]) -> list[dict[str, float]]:
    r"""Count importance weights in bins of a quarter of $\log_{10} w$, from -4 to 4; the outer bins hold those beyond.

    `log_weight` is the lower end of a bin. Bins without a weight have no row.
    """
    with np.errstate(divide="ignore"):
        logs = np.log10(weights[live].double().numpy())
    last = len(_LOG_WEIGHTS) - 2
    # Rounding must not move a weight of exactly 1 into the bin below.
    bins = np.clip(np.searchsorted(_LOG_WEIGHTS, logs + 1e-9, side="right") - 1, 0, last)
    found, counts = np.unique(bins, return_counts=True)
    return [
        {"log_weight": low, "count": count}
        for low, count in zip(_LOG_WEIGHTS[found].tolist(), counts.tolist(), strict=True)
    ]


def state_shares(mdp: MDP, behaviour: Policy, target: Policy) -> list[dict[str, object]]:
    r"""Return the expected share of steps in each state under π_θ, which collected the data, and under π_θ'."""
    data, visited = (
        (visits := state_distributions_of(policy, mdp).sum(0)) / visits.sum() for policy in (behaviour, target)
    )
    return [
        {"component": "state", "low": state, "high": state + 1, "data": in_data, "visited": now}
        for state, (in_data, now) in enumerate(zip(data.tolist(), visited.tolist(), strict=True))
    ]


def observed_shares(
    names: Sequence[str], data: Trajectories, visited: Mapping[int, Trajectories]
) -> Iterable[dict[str, object]]:
    """Yield the shares of observed values in equal bins, in the data and in trajectories after numbers of steps.

    The first components of observations have a histogram each. Its bins are the same for all numbers of steps, and
    span all but the tails of all trajectories; the outer bins hold the tails.
    """
    old, new = _observed(data), {steps: _observed(seen) for steps, seen in visited.items()}
    size = old.shape[1]
    # Names are known of whole observations only.
    known = names if len(names) == size else [f"observation {place}" for place in range(size)]
    for place, name in enumerate(one.replace("_", " ") for one in known[:_COMPONENTS]):
        pooled = np.concatenate([old[:, place], *(seen[:, place] for seen in new.values())])
        lowest, highest = np.quantile(pooled, _TAILS).tolist()
        edges = np.linspace(lowest, highest, _BINS + 1)
        in_data = _shares(old[:, place], edges)
        for steps, seen in new.items():
            shares = zip(edges, edges[1:], in_data, _shares(seen[:, place], edges), strict=False)
            for low, high, before, now in shares:
                yield {"steps": steps, "component": name, "low": low, "high": high, "data": before, "visited": now}


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """Return rows as a table with its columns, even if there are no rows; numbers have six digits."""
    return pd.DataFrame(rows, columns=["seed", "variant", *columns]).map(
        lambda value: float(f"{value:.6g}") if isinstance(value, float) else value
    )


def _observed(trajectories: Trajectories) -> NDArray[np.float64]:
    observations, _ = valid_steps(trajectories)
    return np.nan_to_num(observations.double().numpy())


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(inside, minlength=len(edges) - 1) / len(values)
