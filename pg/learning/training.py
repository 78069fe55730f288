"""The lecture's full algorithm, for many seeds at once: sample, estimate the gradient, step, repeat."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pg.environments.catalogue import mdp_of
from pg.environments.stacked import make_environments
from pg.environments.tabular import MDP
from pg.estimators.importance import NonFiniteWeights
from pg.learning.constraints import Penalty
from pg.learning.critic import Critic, make_critic
from pg.learning.policies import Policy, make_policy, stack
from pg.learning.rollout import Generators, collect
from pg.learning.updates import FAILED, UpdateLog, make_optimizer, update
from pg.randomness import generator, torch_generator
from pg.study.jobs import TrainJob, TuneJob
from pg.study.model import Budget, Variant
from pg.trajectories import Spaces, Trajectories

_log = logging.getLogger("pg")


class Recorder(Protocol):
    """Receives what training makes."""

    def row(self, row: Mapping[str, float | int]) -> None:
        """Take one row: a seed's iteration."""
        ...

    def snapshot(self, seed: int, stage: str, policy: Mapping[str, NDArray[np.generic]]) -> None:
        """Take a seed's policy at a stage."""
        ...


@dataclass(slots=True)
class Learner:
    """One seed's policy, optimizer, critic, generators and progress."""

    seed: int
    learning_rate: float
    policy: Policy
    optimizer: torch.optim.Optimizer
    generators: Generators
    shuffling: np.random.Generator
    penalty: Penalty
    critic: Critic | None
    iteration: int = 0
    steps: int = 0
    episodes: int = 0
    diverged: bool = False

    def is_through(self, budget: Budget) -> bool:
        """Tell whether the budget is spent, or the policy lost."""
        out_of_iterations = budget.max_iterations is not None and self.iteration >= budget.max_iterations
        return self.diverged or out_of_iterations or self.steps >= budget.steps


def train(job: TrainJob, learning_rate: float, recorder: Recorder) -> None:
    """Train a block of seeds, all with the same learning rate."""
    assignments = [(seed, learning_rate) for seed in job.seeds]
    _run(job, "train", assignments, job.snapshots, recorder)


def tune(job: TuneJob, recorder: Recorder) -> None:
    """Train every learning rate of the grid on every tuning seed: a stream of seeds apart from the evaluation's."""
    assignments = [(seed, rate) for rate in job.tuning.grid for seed in range(job.tuning.seeds)]
    _run(job, "tune", assignments, {}, recorder)


def _run(
    job: TrainJob | TuneJob,
    stream: str,
    assignments: Sequence[tuple[int, float]],
    stages: Mapping[str, float],
    recorder: Recorder,
) -> None:
    environments, mdp = make_environments(job.environment, len(assignments), job.variant.batch), mdp_of(job.environment)
    learners = [
        make_learner(job.variant, environments.spaces, environments.horizon, seed, rate, stream)
        for seed, rate in assignments
    ]
    pending = {id(learner): dict(stages) for learner in learners}
    _keep_snapshots(learners, pending, job.budget, recorder)
    while learners:
        batch = collect(environments, stack([one.policy for one in learners]), [one.generators for one in learners])
        for index, learner in enumerate(learners):
            recorder.row(improve(learner, job.variant, batch.of_seed(index), mdp))
        _keep_snapshots(learners, pending, job.budget, recorder)
        remaining = [learner for learner in learners if not learner.is_through(job.budget)]
        if remaining and len(remaining) < len(learners):
            environments = environments.resized(len(remaining))
        learners = remaining


def make_learner(
    variant: Variant, spaces: Spaces, horizon: int, seed: int, learning_rate: float, stream: str
) -> Learner:
    """Return a new learner whose every random number follows from the stream and the seed."""
    policy = make_policy(variant.policy, spaces, torch_generator(seed, stream, "policy"))
    return Learner(
        seed=seed,
        learning_rate=learning_rate,
        policy=policy,
        optimizer=make_optimizer(variant.optimizer, policy, learning_rate),
        generators=Generators(generator(seed, stream, "starts"), generator(seed, stream, "actions")),
        shuffling=generator(seed, stream, "minibatches"),
        penalty=Penalty(),
        critic=make_critic(variant, spaces, horizon, torch_generator(seed, stream, "critic")),
    )


def improve(learner: Learner, variant: Variant, batch: Trajectories, mdp: MDP | None) -> dict[str, float | int]:
    """Take the steps of one learner on its own batch, S = 1, fit its critic, and return the row that tells of them."""
    learner.iteration += 1
    learner.steps += int(batch.mask.sum())
    learner.episodes += batch.mask.shape[1]
    log = _update(learner, variant, batch, mdp)
    # An infinite divergence belongs to a policy that withholds an action; an undefined one to a policy that is lost.
    learner.diverged = not math.isfinite(log.gradient_norm) or math.isnan(log.kl_new_old + log.kl_old_new)
    return {**_row(learner, batch, log), "explained_variance": _fit(learner.critic, batch)}


def _update(learner: Learner, variant: Variant, batch: Trajectories, mdp: MDP | None) -> UpdateLog:
    try:
        return update(
            learner.policy, learner.optimizer, variant, batch, mdp, learner.shuffling, learner.penalty, learner.critic
        )
    except NonFiniteWeights as error:
        _log.warning("seed %d, iteration %d: %s; the run ends", learner.seed, learner.iteration, error)
        return FAILED


def _fit(critic: Critic | None, batch: Trajectories) -> float:
    """Fit the critic to the batch, and return what share of the batch's variance it had explained before."""
    if critic is None:
        return math.nan
    explained = critic.explained_variance(batch)
    critic.fit(batch)
    return explained


def _row(learner: Learner, batch: Trajectories, log: UpdateLog) -> dict[str, float | int]:
    returns = batch.returns.to(torch.float64)
    return {
        "seed": learner.seed,
        "iteration": learner.iteration,
        "steps": learner.steps,
        "episodes": learner.episodes,
        "return_mean": returns.mean().item(),
        "return_min": returns.min().item(),
        "return_max": returns.max().item(),
        "length_mean": batch.lengths.to(torch.float64).mean().item(),
        **asdict(log),
        "learning_rate": learner.learning_rate,
    }


def _keep_snapshots(
    learners: Sequence[Learner], pending: Mapping[int, dict[str, float]], budget: Budget, recorder: Recorder
) -> None:
    """Hand over the policies that have reached a stage; a run that ends early has reached all of them."""
    for learner in learners:
        reached = [
            stage
            for stage, fraction in pending[id(learner)].items()
            if learner.steps >= fraction * budget.steps or learner.is_through(budget)
        ]
        for stage in reached:
            del pending[id(learner)][stage]
            state = {name: tensor.numpy().copy() for name, tensor in learner.policy.state_dict().items()}
            recorder.snapshot(learner.seed, stage, state)
