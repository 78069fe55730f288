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
from pg.environments.rewards import paid
from pg.environments.stacked import make_environments
from pg.environments.tabular import MDP
from pg.estimators.importance import NonFiniteWeights
from pg.learning.constraints import Penalty
from pg.learning.critic import Critic, make_critic
from pg.learning.evaluation import Evaluator, make_evaluator
from pg.learning.imitation import AT_RANDOM, Beginning, demonstrations, imitate
from pg.learning.policies import Parameters, Policy, make_policy, stack
from pg.learning.rollout import Generators, collect
from pg.learning.updates import FAILED, UpdateLog, make_optimizer, update
from pg.randomness import generator, torch_generator
from pg.study.jobs import TrainJob, TuneJob
from pg.study.model import Budget, Clone, Rewards, Variant
from pg.trajectories import Spaces, Trajectories, valid_steps

_log = logging.getLogger("pg")


class Recorder(Protocol):
    """Receives what training makes."""

    def row(self, row: Mapping[str, float | int]) -> None:
        """Take one row: a seed's iteration."""
        ...

    def evaluation(self, row: Mapping[str, float | int]) -> None:
        """Take one row: an episode of an evaluation of a seed."""
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
    beginning: Beginning = AT_RANDOM
    iteration: int = 0
    steps: int = 0
    episodes: int = 0
    diverged: bool = False

    def is_through(self, budget: Budget) -> bool:
        """Tell whether the budget is spent, or the policy lost."""
        out_of_iterations = budget.max_iterations is not None and self.iteration >= budget.max_iterations
        return self.diverged or out_of_iterations or self.steps >= budget.steps


def train(
    job: TrainJob, learning_rate: float, recorder: Recorder, demonstrators: Mapping[int, Parameters] | None = None
) -> None:
    """Train a block of seeds, all with the same learning rate.

    Parameters
    ----------
    job
        What is trained.
    learning_rate
        Declared or tuned.
    recorder
        Receives rows and snapshots.
    demonstrators
        Parameters of the snapshots that the job imitates, by the seeds that made them.
    """
    assignments = [(seed, learning_rate) for seed in job.seeds]
    evaluator = None if job.evaluate is None else make_evaluator(job.evaluate, job.environment, job.seeds, "train")
    _run(job, "train", assignments, job.snapshots, recorder, demonstrators or {}, evaluator)


def tune(job: TuneJob, recorder: Recorder, demonstrators: Mapping[int, Parameters] | None = None) -> None:
    """Train every learning rate of the grid on every tuning seed: a stream of seeds apart from the evaluation's.

    Parameters
    ----------
    job
        What is tuned.
    recorder
        Receives rows.
    demonstrators
        Parameters of the snapshots that the job imitates, by the seeds that made them.
    """
    assignments = [(seed, rate) for rate in job.tuning.grid for seed in job.seeds]
    _run(job, "tune", assignments, {}, recorder, demonstrators or {})


def _run(
    job: TrainJob | TuneJob,
    stream: str,
    assignments: Sequence[tuple[int, float]],
    stages: Mapping[str, float],
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters],
    evaluator: Evaluator | None = None,
) -> None:
    environments, mdp = make_environments(job.environment, len(assignments), job.variant.batch), mdp_of(job.environment)
    learners = [
        make_learner(job.variant, environments.spaces, environments.horizon, seed, rate, stream)
        for seed, rate in assignments
    ]
    if isinstance(job.variant.initialise, Clone):
        _begin(learners, job.variant.initialise, demonstrations(job, stream, demonstrators))
    pending = {id(learner): dict(stages) for learner in learners}
    _keep_snapshots(learners, pending, job.budget, recorder)
    _evaluate(learners, evaluator, recorder)
    while learners:
        batch = collect(environments, stack([one.policy for one in learners]), [one.generators for one in learners])
        for index, learner in enumerate(learners):
            recorder.row(improve(learner, job.variant, batch.of_seed(index), job.environment.rewards, mdp))
        _keep_snapshots(learners, pending, job.budget, recorder)
        _evaluate(learners, evaluator, recorder)
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


def _begin(learners: Sequence[Learner], start: Clone, shown: Mapping[int, Trajectories]) -> None:
    """Let every learner imitate what its seed is shown: the steps of the demonstrations are its first."""
    for seed, trajectories in shown.items():
        # Learners of one seed differ in their learning rate alone, and begin with the same policy.
        first, *others = [learner for learner in learners if learner.seed == seed]
        beginning = imitate(first.policy, start, trajectories)
        for other in others:
            other.policy.load_state_dict(first.policy.state_dict())
        for learner in (first, *others):
            learner.beginning, learner.steps = beginning, beginning.demonstration_steps
        _log.info(
            "seed %d: %d demonstration steps, return %.1f, loss of imitation %.3f",
            seed,
            beginning.demonstration_steps,
            beginning.demonstrator_return,
            beginning.imitation_loss,
        )


def improve(
    learner: Learner, variant: Variant, batch: Trajectories, rewards: Rewards, mdp: MDP | None
) -> dict[str, float | int]:
    """Take the steps of one learner on its own batch, S = 1, fit its critic, and return the row that tells of them.

    The learner is paid as the rewards say; the row tells what the batch has earned.
    """
    learner.iteration += 1
    learner.steps += int(batch.mask.sum())
    learner.episodes += batch.mask.shape[1]
    scaled_by = _scaled_by(learner.policy)
    told = paid(rewards, batch)
    log = _update(learner, variant, told, mdp)
    # An infinite divergence belongs to a policy that withholds an action; an undefined one to a policy that is lost.
    learner.diverged = not math.isfinite(log.gradient_norm) or math.isnan(log.kl_new_old + log.kl_old_new)
    if learner.policy.scaling is not None:
        learner.policy.scaling.observe(valid_steps(batch)[0])
    return {**_row(learner, batch, log), "explained_variance": _fit(learner.critic, told)} | scaled_by


def _scaled_by(policy: Policy) -> dict[str, float]:
    """Tell what is subtracted from observations, as a root mean square, and what divides them, as a geometric mean."""
    if (scale := policy.scale) is None:
        return {}
    shift, deviation = scale.mean.square().mean().sqrt(), scale.deviation.log().mean().exp()
    return {"observation_shift": shift.item(), "observation_scale": deviation.item()}


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
        **asdict(learner.beginning),
    }


def _evaluate(learners: Sequence[Learner], evaluator: Evaluator | None, recorder: Recorder) -> None:
    """Hand over the evaluations that are due; a policy that is lost has none."""
    if evaluator is not None:
        for row in evaluator.evaluate([learner for learner in learners if not learner.diverged]):
            recorder.evaluation(row)


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
