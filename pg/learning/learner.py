"""One seed's learner: its policy, what it is improved with, and what a batch makes of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
import torch

from pg.core.randomness import generator, torch_generator
from pg.core.trajectories import Spaces, Trajectories, valid_steps
from pg.environments.mdp import MDP
from pg.environments.record import Rewards
from pg.environments.rewards import paid
from pg.experiments.records import Budget
from pg.learning.ascent import FAILED, UpdateLog
from pg.learning.constraints import Penalty
from pg.learning.critic import Critic, make_critic
from pg.learning.imitation import AT_RANDOM, Beginning
from pg.learning.policies import Policy, make_policy
from pg.learning.rollout import Generators
from pg.learning.updates import make_optimizer, update
from pg.parts.importance import NonFiniteWeights
from pg.parts.variant import Variant

_log = logging.getLogger("pg")


@dataclass(slots=True)
class Learner:
    """One seed's policy, optimizer, critic, generators and progress.

    Attributes
    ----------
    pending
        Stages at which its policy is still to be kept, with the fraction of the budget at which it is.
    """

    seed: int
    learning_rate: float
    policy: Policy
    optimizer: torch.optim.Optimizer
    generators: Generators
    shuffling: np.random.Generator
    penalty: Penalty
    critic: Critic | None
    pending: dict[str, float]
    beginning: Beginning = AT_RANDOM
    iteration: int = 0
    steps: int = 0
    episodes: int = 0
    diverged: bool = False

    @property
    def all_generators(self) -> tuple[np.random.Generator, ...]:
        """Every generator that is drawn from while it learns."""
        return (self.generators.starts, self.generators.actions, self.shuffling)

    def is_through(self, budget: Budget) -> bool:
        """Tell whether the budget is spent, or the policy lost."""
        out_of_iterations = budget.max_iterations is not None and self.iteration >= budget.max_iterations
        return self.diverged or out_of_iterations or self.steps >= budget.steps


def make_learner(
    variant: Variant,
    spaces: Spaces,
    horizon: int,
    seed: int,
    learning_rate: float,
    stream: str,
    stages: Mapping[str, float] = MappingProxyType({}),
    device: torch.device | None = None,
) -> Learner:
    """Return a new learner whose every random number follows from the stream and the seed; by default on the CPU."""
    policy = make_policy(variant.policy, spaces, torch_generator(seed, stream, "policy")).to(device)
    return Learner(
        seed=seed,
        learning_rate=learning_rate,
        policy=policy,
        optimizer=make_optimizer(variant.optimizer, policy, learning_rate),
        generators=Generators(generator(seed, stream, "starts"), generator(seed, stream, "actions")),
        shuffling=generator(seed, stream, "minibatches"),
        penalty=Penalty(),
        critic=make_critic(variant, spaces, horizon, torch_generator(seed, stream, "critic"), device=device),
        pending=dict(stages),
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
    as_paid = paid(rewards, batch).on(learner.policy.device)
    log = _update(learner, variant, as_paid, mdp)
    if (cause := _cause_of_divergence(log)) is not None:
        learner.diverged = True
        _log.warning("seed %d, iteration %d: %s; the run has diverged and ends", learner.seed, learner.iteration, cause)
    if learner.policy.scaling is not None:
        learner.policy.scaling.observe(valid_steps(as_paid)[0])
    return {**_row(learner, batch, log), "explained_variance": _fit(learner.critic, as_paid)} | scaled_by


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
        _log.warning("seed %d, iteration %d: %s", learner.seed, learner.iteration, error)
        return FAILED


def _cause_of_divergence(log: UpdateLog) -> str | None:
    """Say what an update has lost the policy by; None where it is still there.

    An infinite divergence belongs to a policy that withholds an action, an undefined one to a policy that is lost.
    """
    if log is FAILED:
        return "importance weights are not finite"
    if not math.isfinite(log.surrogate):
        return "the loss is not finite"
    if not math.isfinite(log.gradient_norm):
        return "the gradient is not finite"
    return "the policy is not finite" if math.isnan(log.kl_new_old + log.kl_old_new) else None


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
