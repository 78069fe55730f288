"""The exact expectation and variance of an estimate, and what they are compared with."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor

from pg.checking.arrays import arrays_of, sample_of
from pg.checking.demands import Demand, Known
from pg.checking.findings import Bias, Variance
from pg.checking.mistakes import BUILT_IN, with_baseline
from pg.checking.submissions import Fault
from pg.checking.worlds import Batches, World
from pg.parts.discounting import reward_to_go


def bias_of(batches: Batches, weights: Tensor, demand: Demand) -> Bias:
    """Compare the expectation with the nearest of those that it may be."""
    world, n = batches.world, batches.members.shape[1]
    mean, _ = batches.moments(weights)
    targets = _targets(batches, demand)
    nearest = min(targets, key=lambda one: float((mean - one).norm().nan_to_num(torch.inf)))
    error, scale = mean - nearest, float(world.gradients["gradient"].norm())
    worst = int(error.abs().argmax())
    words = f"{world.coordinates[worst]}: {float(mean[worst]):.4g}, should be {float(nearest[worst]):.4g}"
    return Bias(world.name, n, float(error.norm()) / scale, words)


def _targets(batches: Batches, demand: Demand) -> list[Tensor]:
    """Return what the expectation may be; with a discount, the gradient of the discounted objective is as right."""
    world, n = batches.world, batches.members.shape[1]
    if demand.equals is not None:
        with suppress(Fault):  # where it needs more trajectories, it has no expectation
            return [batches.moments(torch.as_tensor(demand.equals.weights(arrays_of(batches), world.discount)))[0]]
    target = world.gradients["gradient" if demand.expects == "shrunk" else demand.expects]
    targets = [target * (1 - 1 / n) if demand.expects == "shrunk" else target]
    return targets + [world.gradients[name] for name in ("discounted_objective",) if name in world.gradients]


def variance_of(batches: Batches, weights: Tensor, compared: Known) -> Variance:
    """Compute the total variance, and those of built-in estimators in the same batches."""
    world, n = batches.world, batches.members.shape[1]
    sample = sample_of(batches)

    def total(weights: Tensor) -> float:
        return batches.moments(weights)[1]

    def of(name: str) -> float:
        return total(torch.as_tensor(with_baseline(name).weights(sample).copy()))

    others = {name: of(name) for name in BUILT_IN}
    other = total(torch.as_tensor(compared.weights(arrays_of(batches), world.discount)))
    return Variance(world.name, n, total(weights), of("none"), others, _least_variance(world) / n, other)


def _least_variance(world: World) -> float:
    r"""Return the total variance of one trajectory's estimate with the best baseline of step and state.

    $b_t(s) = \mathbb{E}[\lVert \psi_t \rVert^2 G_t \mid s_t = s] / \mathbb{E}[\lVert \psi_t \rVert^2 \mid s_t = s]$ is
    best here, because scores of different steps and states have no entry in common; after Greensmith, Bartlett &
    Baxter 2004, section 4.
    """
    batches = Batches.every(world, 1)
    to_go = reward_to_go(batches.trajectories.rewards, batches.trajectories.mask, world.discount)[:, 0]
    squares = world.scores.square().sum(-1) * world.probabilities[:, None]
    baseline = torch.zeros_like(to_go)
    states = world.trajectories.states
    assert states is not None, "tabular worlds have states"
    for step in range(to_go.shape[1]):
        for state in states[0, :, step].unique():
            here = (states[0, :, step] == state) & world.trajectories.mask[0, :, step]
            if here.any():
                baseline[here, step] = (squares[here, step] @ to_go[here, step]) / squares[here, step].sum()
    return batches.moments((to_go - baseline)[:, None])[1]
