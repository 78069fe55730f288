"""The exact expectation and variance of an estimate, and what they are compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import isclose, nan
from typing import Any

import torch
from torch import Tensor

from pg.checking.arrays import arrays_of, sample_of
from pg.checking.demands import Demand, Known
from pg.checking.findings import TOLERANCE, Bias, Spread, Variance
from pg.checking.mistakes import BUILT_IN, with_baseline, with_importance
from pg.checking.submissions import Fault
from pg.checking.worlds import Batches, World
from pg.parts.discounting import reward_to_go


def bias_of(batches: Batches, weights: Tensor, demand: Demand) -> Bias:
    """Compare the expectation with the nearest of those that it may be."""
    world, n = batches.world, batches.n
    mean, _ = batches.moments(weights)
    targets = _targets(batches, demand)
    nearest = min(targets, key=lambda one: float((mean - one).norm().nan_to_num(torch.inf)))
    error, scale = mean - nearest, float(world.gradients["gradient"].norm())
    worst = int(error.abs().argmax())
    words = f"{world.coordinates[worst]}: {float(mean[worst]):.4g}, should be {float(nearest[worst]):.4g}"
    factor = float(mean @ nearest / (nearest @ nearest))
    is_multiple = float((mean - factor * nearest).norm()) / scale < TOLERANCE
    return Bias(
        world.name,
        n,
        world.steps,
        float(error.norm()) / scale,
        words,
        factor if is_multiple else nan,
        world.has_exact_values,
    )


def _targets(batches: Batches, demand: Demand) -> list[Tensor]:
    """Return what the expectation may be; with a discount, the gradient of the discounted objective is as right."""
    world, n = batches.world, batches.n
    if demand.equals is not None:
        with suppress(Fault):  # where it needs more trajectories, it has no expectation
            return [batches.moments(torch.as_tensor(demand.equals.weights(arrays_of(batches), world.discount)))[0]]
    target = world.gradients["gradient" if demand.expects == "shrunk" else demand.expects]
    targets = [target * (1 - 1 / n) if demand.expects == "shrunk" else target]
    return targets + [world.gradients[name] for name in ("discounted_objective",) if name in world.gradients]


def multiple_of(biases: Sequence[Bias]) -> str:
    """Say by which factors the expectations are too large or too small, if nothing else is wrong with them."""
    factors = {bias.n: bias.factor for bias in biases}
    if not all(isclose(bias.factor, factors[bias.n], rel_tol=TOLERANCE) for bias in biases):
        return ""
    found = ", ".join(f"{factor:.4g} times at N = {n}" for n, factor in sorted(factors.items()))
    return f"On average it is a multiple of what it should be: {found}."


def own_future(batches: Batches, weights: Tensor) -> str:
    """Say whether what is subtracted from the reward-to-go depends on what the trajectory itself does later.

    Such a baseline depends on the action. Compared are trajectories with the same past, next to the same others.
    """
    to_go = reward_to_go(batches.trajectories.rewards, batches.trajectories.mask)
    seen = defaultdict[tuple[Any, ...], list[float]](list)
    for past, subtracted in zip(_pasts(batches), (to_go - weights)[batches.trajectories.mask].tolist(), strict=True):
        seen[past].append(subtracted)
    spread, past = max((max(values) - min(values), past) for past, values in seen.items())
    if spread <= TOLERANCE * float(weights.abs().max()):
        return ""
    low, high = min(seen[past]), max(seen[past])
    return (
        "The rewards-to-go less its weights, a baseline if it has one, depend on what the trajectory itself does from "
        f"that step on: {low:.4g} or {high:.4g} at step {past[0]} in {batches.world.name}, after the same past and "
        "beside the same others."
    )


def _pasts(batches: Batches) -> Iterator[tuple[Any, ...]]:
    """Yield, for each step of the batches, the step, what its trajectory knows of its past, and the others."""
    of = batches.world.trajectories
    assert of.states is not None, "tabular worlds have states"
    states, actions, rewards = (values[0].tolist() for values in (of.states, of.actions, of.rewards))
    for members in batches.members.tolist():
        for place, own in enumerate(members):
            others = tuple(members[:place] + members[place + 1 :])
            for step in range(int(of.mask[0, own].sum())):
                known = (states[own][: step + 1], actions[own][:step], rewards[own][:step])
                yield (step, place, others, *map(tuple, known))


def variance_of(batches: Batches, weights: Tensor, compared: Known) -> Variance:
    """Compute the total variance, and those of built-in estimators in the same batches."""
    world, n = batches.world, batches.n
    sample = sample_of(batches)

    def total(weights: Tensor) -> float:
        return batches.moments(weights)[1]

    def of(name: str) -> float:
        return total(torch.as_tensor(with_baseline(name).weights(sample).copy()))

    others = {name: of(name) for name in BUILT_IN}
    other = total(torch.as_tensor(compared.weights(arrays_of(batches), world.discount)))
    return Variance(world.name, n, total(weights), of("none"), others, _least_variance(world) / n, other)


def spread_of(batches: Batches, weights: Tensor) -> Spread:
    """Compute the total variance in a world of another policy, and those with built-in importance weights."""
    sample = sample_of(batches)
    per_decision, trajectory = (
        batches.moments(torch.as_tensor(with_importance(name).weights(sample).copy()))[1]
        for name in ("per_decision", "trajectory")
    )
    return Spread(batches.world.name, batches.n, batches.moments(weights)[1], per_decision, trajectory)


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
