"""The metrics of corrections for data of an earlier policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pg.experiments.gradient_metrics import (
    COSINE,
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    TOTAL_VARIANCE,
)
from pg.experiments.metric import Metric, needed

if TYPE_CHECKING:
    from pg.experiments.staleness.measure import Corrected

METRICS: tuple[Metric[Corrected], ...] = (
    TOTAL_VARIANCE,
    COSINE,
    RELATIVE_BIAS,
    RELATIVE_BIAS_NOISE,
    Metric(
        "kl",
        "mean KL divergence of the policy from the one that collected the data",
        "E[KL(π_θ'‖π_θ)] over the states of π_θ, the policy that collected the data; π_θ' is the policy after some "
        "gradient steps. From a sample, or exact from tables.",
        never_negative=True,
    ),
    EFFECTIVE_SHARE,
    LARGEST_WEIGHT,
    Metric(
        "state_part",
        "bias from the states' distribution over the gradient's norm",
        "Part of the bias of per-step ratios that arises because states are those of π_θ, not of π_θ': its norm "
        "divided by ‖∇J(θ')‖; exact, from tables.",
        of=lambda found: needed(found.tables).state_part,
        needs="tables",
        noun="the bias from the states",
        unit="of the gradient’s length",
        is_part=True,
    ),
    Metric(
        "return_part",
        "bias from the returns over the gradient's norm",
        "Part of the bias of per-step ratios that arises because rewards-to-go are those of π_θ, not of π_θ': its norm "
        "divided by ‖∇J(θ')‖; exact, from tables.",
        of=lambda found: needed(found.tables).return_part,
        needs="tables",
        noun="the bias from the returns",
        unit="of the gradient’s length",
        is_part=True,
    ),
    Metric(
        "state_variation",
        "total variation between the states' distributions",
        "Mean over time steps of half the sum over states of |d_θ(s) − d_θ'(s)|, with an extra state for ended "
        "trajectories: 0 for equal distributions, 1 for disjoint ones; exact, from tables.",
        of=lambda found: needed(found.tables).state_variation,
        needs="tables",
        noun="the part of the visited states in which data and policy differ",
        is_part=True,
    ),
)
