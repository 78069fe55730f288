"""The lecture's full algorithm: sample trajectories, compute the gradient, take steps."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pg.core.devices import device_of
from pg.core.trajectories import Trajectories, valid_steps
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.mdp import MDP
from pg.environments.record import Rewards
from pg.environments.rewards import paid
from pg.learning.checkpoints import Keeper, ended_in, resume, state_of
from pg.learning.columns import cause_of_divergence
from pg.learning.evaluation import Evaluator
from pg.learning.imitation import demonstrations
from pg.learning.job import Budget, TrainJob, TuneJob
from pg.learning.learner import Learner, make_learner
from pg.learning.policies import Parameters, Policy
from pg.learning.rollout import actor_of, collect
from pg.learning.updates import FAILED, update
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.starts.base import Beginning, Start
from pg.parts.variant import Variant

_log = logging.getLogger("pg")


class Recorder(Protocol):
    """Receives the results of training."""

    def row(self, row: Mapping[str, float | int]) -> None:
        """Take the row of one iteration of one seed."""

    def evaluation(self, row: Mapping[str, float | int]) -> None:
        """Take the row of one evaluation of one seed."""

    def snapshot(self, seed: int, stage: str, policy: Mapping[str, NDArray[np.generic]]) -> None:
        """Take a seed's policy at a stage."""


def train(
    job: TrainJob,
    learning_rate: float,
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train the seeds of a job one after the other, all with the same learning rate.

    The learning rate is declared in the study or chosen by tuning. `demonstrators` are the parameters of the snapshots
    that the job imitates, by their seeds. Without a keeper there are no checkpoints.
    """
    assignments = [(seed, learning_rate) for seed in job.seeds]
    evaluator = None if job.evaluate is None else Evaluator(job.evaluate, job.environment, job.budget)
    _run(job, "train", assignments, job.snapshots, recorder, demonstrators or {}, keeper, evaluator)


def tune(
    job: TuneJob,
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train with every learning rate of the grid on every tuning seed.

    `tune` and `train` use independent random numbers, so that no run that chooses a rate is also a result. Parameters
    are as in `train`.
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
    """Train one learner after the other, each until its budget is spent or it has diverged."""
    variant, rewards, device = job.variant, job.environment.rewards, device_of(job.device)
    environments, mdp = make_environments(job.environment, variant.batch), mdp_of(job.environment)
    begin = _Starts(variant.initialise, demonstrations(job, stream, demonstrators))
    state = None if keeper is None else keeper.kept()
    ended = 0 if state is None else ended_in(state)
    for index, (seed, rate) in enumerate(assignments[ended:], start=ended):
        learner = make_learner(variant, environments.spaces, environments.horizon, seed, rate, stream, stages, device)
        if state is not None and index == ended:
            resume(learner, state)
        else:
            begin(learner)
            _record(learner, job.budget, evaluator, recorder)
        # At least one iteration, also if demonstrations have spent the budget.
        while True:
            # Sample trajectories.
            batch = collect(environments, actor_of(learner.policy), learner.generators)
            # Compute the gradient and take steps.
            recorder.row(improve(learner, variant, batch, rewards, mdp))
            _record(learner, job.budget, evaluator, recorder)
            if learner.has_ended(job.budget):
                break
            if keeper is not None:
                keeper.iteration(partial(state_of, index, learner))


def improve(
    learner: Learner, variant: Variant, batch: Trajectories, rewards: Rewards, mdp: MDP | None
) -> dict[str, float | int]:
    """Update one learner on its own batch, S = 1, fit its critic, and return the row of this iteration.

    The learner sees the rewards as the study transforms them; the row reports those of the environment.
    """
    learner.iteration += 1
    learner.steps += int(batch.mask.sum())
    learner.episodes += batch.mask.shape[1]
    policy, critic = learner.policy, learner.critic
    scaling, explained_variance = _scaling(policy), math.nan
    seen = paid(rewards, batch).on(policy.device)
    try:
        log = update(policy, learner.optimizer, variant, seen, mdp, learner.shuffling, learner.limit_state, critic)
    except NonFiniteWeights as error:
        _log.warning("seed %d, iteration %d: %s", learner.seed, learner.iteration, error)
        log = FAILED
    if policy.scaling is not None:
        policy.scaling.observe(valid_steps(seen)[0])
    if critic is not None:
        explained_variance = critic.explained_variance(seen)
        critic.fit(seen)
    returns = batch.returns.to(torch.float64)
    row = {
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
        "explained_variance": explained_variance,
        **scaling,
    }
    if (cause := cause_of_divergence(row)) is not None:
        learner.diverged = True
        _log.warning("seed %d, iteration %d: %s; the run has diverged and ends", learner.seed, learner.iteration, cause)
    return row


def _scaling(policy: Policy) -> dict[str, float]:
    """Return the root mean square of the observations' shift and the geometric mean of their scale."""
    if (scale := policy.scale) is None:
        return {}
    shift, deviation = scale.mean.square().mean().sqrt(), scale.deviation.log().mean().exp()
    return {"observation_shift": shift.item(), "observation_scale": deviation.item()}


class _Starts:
    """Initialises learners. The steps of a seed's demonstrations count as its learners' first."""

    def __init__(self, start: Start, shown: Mapping[int, Trajectories]) -> None:
        self._start, self._shown = start, shown
        self._begun: dict[int, tuple[Beginning, dict[str, Tensor]]] = {}

    def __call__(self, learner: Learner) -> None:
        seed, policy = learner.seed, learner.policy
        if seed not in self._begun:
            # Learners of one seed differ only in the learning rate and begin with the same policy.
            self._begun[seed] = self._start.begin(policy, self._shown.get(seed)), deepcopy(policy.state_dict())
        beginning, state = self._begun[seed]
        policy.load_state_dict(state)
        learner.beginning, learner.steps = beginning, beginning.demonstration_steps
        if seed in self._shown:
            _log.info(
                "seed %d: %d demonstration steps, return %.1f, loss of imitation %.3f",
                seed,
                beginning.demonstration_steps,
                beginning.demonstrator_return,
                beginning.imitation_loss,
            )


def _record(learner: Learner, budget: Budget, evaluator: Evaluator | None, recorder: Recorder) -> None:
    """Record the snapshots and the evaluation that are due. When a run ends early, all remaining snapshots are due."""
    for stage, share in list(learner.pending.items()):
        if learner.steps >= share * budget.steps or learner.has_ended(budget):
            del learner.pending[stage]
            policy = {name: tensor.cpu().numpy().copy() for name, tensor in learner.policy.state_dict().items()}
            recorder.snapshot(learner.seed, stage, policy)
    if evaluator is not None and (row := evaluator.evaluate(learner)) is not None:
        recorder.evaluation(row)
