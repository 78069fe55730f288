"""The lecture's full algorithm: sample trajectories, compute the gradient, take steps."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
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
from pg.environments.rewards import divided, divided_tables, paid
from pg.learning.checkpoints import Keeper, read_state, write_state
from pg.learning.columns import cause_of_divergence
from pg.learning.evaluation import Evaluator
from pg.learning.imitation import demonstrations
from pg.learning.job import Budget, TrainJob, TuneJob
from pg.learning.learner import Learner, make_learner
from pg.learning.policies import Parameters, Policy
from pg.learning.recent import collected
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
    learning_rates: Mapping[int, float],
    recorder: Recorder,
    demonstrators: Mapping[int, Parameters] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train the seeds of a job one after the other.

    Parameters
    ----------
    learning_rates
        By seed; declared in the study or selected by tuning.
    demonstrators
        Parameters of the snapshots that the job imitates, by their seeds.
    keeper
        Stores checkpoints; without one there are none.
    """
    evaluator = None if job.evaluate is None else Evaluator(job.evaluate, job.environment, job.budget)
    training = Training(job, "train", recorder, demonstrators, keeper, job.snapshots, evaluator)
    for seed in job.seeds:
        training.advance(seed, learning_rates[seed])


class Training:
    """Trains learners one after the other, each in one or several parts.

    A job that was interrupted makes the same calls of `advance` again. Those that were complete at the last checkpoint
    do nothing.

    Parameters
    ----------
    job
        What is trained, and for how long.
    stream
        Name of the random numbers; see `pg.learning.learner.make_learner`.
    recorder, demonstrators, keeper
        As in `train`.
    stages
        Names of the snapshots, with the share of the budget at which each is due.
    evaluator
        Evaluates the learners; without one there are no evaluations.
    """

    def __init__(
        self,
        job: TrainJob | TuneJob,
        stream: str,
        recorder: Recorder,
        demonstrators: Mapping[int, Parameters] | None = None,
        keeper: Keeper | None = None,
        stages: Mapping[str, float] = MappingProxyType({}),
        evaluator: Evaluator | None = None,
    ) -> None:
        self._job, self._stream, self._stages = job, stream, stages
        self._recorder, self._keeper, self._evaluator = recorder, keeper, evaluator
        self._environments, self._mdp = make_environments(job.environment, job.variant.batch), mdp_of(job.environment)
        self._begin = _Starts(job.variant.initialise, demonstrations(job, stream, demonstrators or {}))
        self._learners = dict[tuple[int, float], Learner]()
        self._ended = list[tuple[int, float]]()
        self._complete = self._complete_before = 0
        if keeper is not None and (kept := keeper.kept()) is not None:
            self._complete_before, self._ended, states = read_state(kept)
            for state in states:
                self._make(state["seed"], state["learning_rate"]).load(state)

    def advance(self, seed: int, rate: float, share: float = 1.0) -> None:
        """Train the learner of a seed and a learning rate until it has spent a share of the budget, or has diverged."""
        if self._complete >= self._complete_before and (seed, rate) not in self._ended:
            self._advance(seed, rate, share)
        self._complete += 1

    def _advance(self, seed: int, rate: float, share: float) -> None:
        learner, variant, budget = self._learner(seed, rate), self._job.variant, self._job.budget
        part = budget.part(share)
        # At least one iteration, also if demonstrations have spent the budget.
        while learner.iteration == 0 or not learner.has_ended(part):
            # Sample trajectories.
            batch = collect(self._environments, actor_of(learner.policy), learner.generators)
            # Compute the gradient and take steps.
            learner.set_rate(variant, budget)
            self._recorder.row(improve(learner, variant, batch, self._job.environment.rewards, self._mdp))
            _record(learner, budget, self._evaluator, self._recorder)
            if self._keeper is not None:
                self._keeper.iteration(self._state)
        if learner.has_ended(budget):
            del self._learners[seed, rate]
            self._ended.append((seed, rate))

    def _learner(self, seed: int, rate: float) -> Learner:
        if (seed, rate) not in self._learners:
            learner = self._make(seed, rate)
            self._begin(learner)
            _record(learner, self._job.budget, self._evaluator, self._recorder)
        return self._learners[seed, rate]

    def _make(self, seed: int, rate: float) -> Learner:
        made, job = self._environments, self._job
        learner = make_learner(
            job.variant,
            made.spaces,
            made.horizon,
            seed,
            rate,
            self._stream,
            self._stages,
            device_of(job.device),
            job.environment.rewards,
        )
        self._learners[seed, rate] = learner
        return learner

    def _state(self) -> bytes:
        return write_state(self._complete, self._ended, self._learners.values())


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
    as_paid = paid(rewards, batch)
    seen = as_paid.on(policy.device)
    if variant.batches > 1:
        learner.recent = collected(policy, seen, learner.recent and learner.recent.latest(variant.batches - 1))
    recent = learner.recent
    if learner.reward_scale is not None:
        scaling["reward_scale"] = deviation = learner.reward_scale.include(as_paid)
        seen, mdp = divided(seen, deviation), mdp and divided_tables(mdp, deviation)
        # Batches of a window are kept as paid, so that one deviation divides all of them.
        recent = recent and replace(recent, trajectories=divided(recent.trajectories, deviation))
    try:
        log = update(
            policy,
            learner.optimizer,
            variant,
            seen,
            mdp,
            learner.shuffling,
            learner.limit_state,
            critic,
            recent,
        )
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
        **log._asdict(),
        "learning_rate": learner.learning_rate,
        **learner.beginning._asdict(),
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
