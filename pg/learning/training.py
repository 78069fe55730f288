"""The lecture's full algorithm, for many seeds at once: sample, estimate the gradient, step, repeat."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pg.core.devices import device_of
from pg.core.trajectories import Trajectories
from pg.environments.catalogue import mdp_of
from pg.environments.stacked import make_environments
from pg.experiments.records import Budget
from pg.learning.acting import actor_of
from pg.learning.checkpoints import Keeper, resumed, state_of
from pg.learning.evaluation import Evaluator, make_evaluator
from pg.learning.imitation import demonstrations, imitate
from pg.learning.learner import Learner, improve, make_learner
from pg.learning.policies import Parameters
from pg.learning.rollout import collect
from pg.parts.learner import Clone
from pg.study.jobs import TrainJob, TuneJob

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


def train(
    job: TrainJob,
    learning_rate: float,
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
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
    keeper
        Remembers where the run stands, so that it may be interrupted; by default nobody does.
    """
    assignments = [(seed, learning_rate) for seed in job.seeds]
    evaluator = None if job.evaluate is None else make_evaluator(job.evaluate, job.environment, job.seeds, "train")
    _run(job, "train", assignments, job.snapshots, recorder, demonstrators or {}, keeper, evaluator)


def tune(
    job: TuneJob,
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train every learning rate of the grid on every tuning seed: a stream of seeds apart from the evaluation's.

    Parameters
    ----------
    job
        What is tuned.
    recorder
        Receives rows.
    demonstrators
        Parameters of the snapshots that the job imitates, by the seeds that made them.
    keeper
        Remembers where the run stands, so that it may be interrupted; by default nobody does.
    """
    assignments = [(seed, rate) for rate in job.tuning.grid for seed in job.seeds]
    _run(job, "tune", assignments, {}, recorder, demonstrators or {}, keeper)


def _run(
    job: TrainJob | TuneJob,
    stream: str,
    assignments: Sequence[tuple[int, float]],
    stages: Mapping[str, float],
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters],
    keeper: Keeper | None,
    evaluator: Evaluator | None = None,
) -> None:
    environments, mdp = make_environments(job.environment, len(assignments), job.variant.batch), mdp_of(job.environment)
    device = device_of(job.device)
    learners = [
        make_learner(job.variant, environments.spaces, environments.horizon, seed, rate, stream, stages, device)
        for seed, rate in assignments
    ]
    if keeper is not None and (state := keeper.kept()) is not None:
        learners = resumed(learners, evaluator, state)
    else:
        if isinstance(start := job.variant.initialise, Clone):
            _begin(learners, start, demonstrations(job, start, stream, demonstrators))
        _hand_over(learners, job.budget, evaluator, recorder)
    copies = len(assignments)
    while learners:
        if len(learners) < copies:
            environments, copies = environments.resized(len(learners)), len(learners)
        actor = actor_of([one.policy for one in learners], job.variant.batch)
        batch = collect(environments, actor, [one.generators for one in learners])
        for index, learner in enumerate(learners):
            recorder.row(improve(learner, job.variant, batch.of_seed(index), job.environment.rewards, mdp))
        _hand_over(learners, job.budget, evaluator, recorder)
        learners = [learner for learner in learners if not learner.is_through(job.budget)]
        if keeper is not None:
            keeper.iteration(partial(state_of, learners, evaluator))


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


def _hand_over(learners: Sequence[Learner], budget: Budget, evaluator: Evaluator | None, recorder: Recorder) -> None:
    """Hand over the snapshots and evaluations that are due."""
    for learner in learners:
        _keep_snapshots(learner, budget, recorder)
    # A policy that is lost is not evaluated.
    if evaluator is not None:
        for row in evaluator.evaluate([learner for learner in learners if not learner.diverged]):
            recorder.evaluation(row)


def _keep_snapshots(learner: Learner, budget: Budget, recorder: Recorder) -> None:
    """Hand over the policy at each stage that it has reached; a run that ends early has reached all of them."""
    reached = [
        stage
        for stage, fraction in learner.pending.items()
        if learner.steps >= fraction * budget.steps or learner.is_through(budget)
    ]
    for stage in reached:
        del learner.pending[stage]
        state = {name: tensor.cpu().numpy().copy() for name, tensor in learner.policy.state_dict().items()}
        recorder.snapshot(learner.seed, stage, state)
