"""Measure a lower bound on the time of training: bare environment steps and passes through the network.

`gymnasium`: random actions in as many copies as training uses, by gymnasium's own steps. When one copy ends, all are
reset, untimed, so that every step counts. `stepping`: the same by the steps that training takes. `floor`: these, plus
one forward pass per step to act and a forward and backward pass per step to learn, or several of the latter, in the
fastest batch size. Nothing is sampled, masked, recorded or logged.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from measuring import TRAJECTORIES, Asked, Clock, Measurement, asked
from pg.core.randomness import generator, torch_generator
from pg.core.trajectories import Environments, Spaces
from pg.environments.catalogue import make_copy
from pg.environments.copies import make_environments
from pg.environments.one_by_one import SteppedOneByOne
from pg.learning.policies import Policy
from pg.learning.rollout import actor_of
from workload import VARIANT, environment

BATCHES = tuple(2**power for power in range(7, 14))
REPETITIONS = 5


def main() -> None:
    wanted = asked()
    where = environment(wanted.environment)
    copies = make_environments(where, TRAJECTORIES)
    singles = [make_copy(where.id, where.kwargs, copies.horizon) for _ in range(TRAJECTORIES)]
    gymnasiums = SteppedOneByOne(singles, copies.horizon)
    passes = seconds_of_passes(copies.spaces, wanted.gradient_steps)
    for seeds in wanted.seeds:
        measure(wanted, gymnasiums, copies, seeds, passes)
    wanted.answer()


def measure(wanted: Asked, gymnasiums: Environments, copies: Environments, seeds: int, passes: float) -> None:
    wanted.measurements.append(Measurement("gymnasium", *stepped(gymnasiums, wanted.steps), seeds))
    steps, seconds = stepped(copies, wanted.steps)
    wanted.measurements.append(Measurement("stepping", steps, seconds, seeds))
    wanted.measurements.append(Measurement("floor", steps, seconds + passes * steps, seeds))


def stepped(copies: Environments, wanted: int) -> tuple[int, float]:
    """Take at least `wanted` steps; return their number and their seconds."""
    starts = generator(0, "benchmark", "starts")
    drawing, alive = np.random.default_rng(0), np.ones(TRAJECTORIES, dtype=np.bool_)
    steps, clock = 0, Clock()
    while steps < wanted:
        copies.reset(starts)
        for _ in range(copies.horizon):
            actions = random_actions(drawing, copies.spaces)
            with clock.running():
                transition = copies.step(actions, alive)
            steps += alive.size
            if (transition.terminated | transition.truncated).any():
                break
    return steps, clock.seconds


def random_actions(drawing: np.random.Generator, spaces: Spaces) -> np.ndarray:
    if spaces.action_count is not None:
        return drawing.integers(spaces.action_count, size=TRAJECTORIES)
    return drawing.standard_normal((TRAJECTORIES, spaces.action_size), dtype=np.float32)


def seconds_of_passes(spaces: Spaces, gradient_steps: int) -> float:
    """Return the seconds per row of a forward pass, the faster of NumPy and torch, and of the gradient steps."""
    policy = Policy(VARIANT.policy, spaces, torch_generator(0, "benchmark"))
    actor = actor_of(policy)
    forward = min(quickest(actor.heads, spaces), quickest(partial(in_tensors, policy), spaces))
    return forward + gradient_steps * quickest(partial(back_and_forth, policy), spaces)


def quickest(passing: Callable[[np.ndarray], object], spaces: Spaces) -> float:
    drawing = np.random.default_rng(0)
    return min(
        seconds_per_row(passing, drawing.standard_normal((rows, spaces.observation_size), dtype=np.float32))
        for rows in BATCHES
    )


def seconds_per_row(passing: Callable[[np.ndarray], object], observations: np.ndarray) -> float:
    calls = max(1, max(BATCHES) // len(observations))
    passing(observations)
    found = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        for _ in range(calls):
            passing(observations)
        found.append((time.process_time() - started) / calls / len(observations))
    return statistics.median(found)


def in_tensors(policy: Policy, observations: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return policy.heads(torch.from_numpy(observations))


def back_and_forth(policy: Policy, observations: np.ndarray) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(policy.heads(torch.from_numpy(observations)).sum(), policy.theta)


if __name__ == "__main__":
    main()
