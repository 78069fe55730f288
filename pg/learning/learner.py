"""One seed's learner: its policy, optimizer, critic, generators and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from pg.core.randomness import generator, torch_generator
from pg.core.trajectories import Spaces
from pg.environments.record import Rewards
from pg.environments.rewards import AS_EARNED
from pg.learning.job import Budget
from pg.learning.policies import Policy
from pg.learning.recent import Recent
from pg.learning.rollout import Generators
from pg.learning.scaling import RewardScale
from pg.parts.critic import Critic
from pg.parts.starts.base import AT_RANDOM, Beginning
from pg.parts.variant import Variant

_PLAIN = (
    *("seed", "learning_rate", "iteration", "steps", "episodes", "pending", "limit_state", "next_evaluation"),
    "diverged",
)


@dataclass(slots=True)
class Learner:
    """One seed's policy and everything that training changes or draws from.

    Seed and learning rate identify the learner in its job. `iteration`, `steps` and `episodes` count batches,
    environment steps and trajectories so far.
    """

    seed: int
    learning_rate: float
    policy: Policy
    optimizer: torch.optim.Optimizer
    critic: Critic | None
    generators: Generators
    evaluation_generators: Generators
    shuffling: np.random.Generator
    """Divides batches into minibatches."""
    pending: dict[str, float]
    """Stages without a snapshot so far, with the share of the budget at which each is due."""
    limit_state: dict[str, float] = field(default_factory=dict)
    """What the limit on the KL divergence keeps from one update to the next."""
    recent: Recent | None = None
    """The latest batches, if the variant has a window of several."""
    reward_scale: RewardScale | None = None
    """What rewards are divided by, if the environment normalises them."""
    beginning: Beginning = AT_RANDOM
    iteration: int = 0
    steps: int = 0
    episodes: int = 0
    next_evaluation: int = 0
    """Environment steps at which the next evaluation is due."""
    diverged: bool = False

    def has_ended(self, budget: Budget) -> bool:
        """Return whether the budget is spent or the run has diverged."""
        return self.diverged or budget.is_spent(self.steps, self.iteration)

    def set_rate(self, variant: Variant, budget: Budget) -> None:
        """Give the optimizer the learning rate of its schedule."""
        rate = variant.optimizer.rate(self.learning_rate, budget.spent(self.steps, self.iteration))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def state(self) -> dict[str, Any]:
        """Return everything that training changes, as tensors, numbers and names."""
        critic = self.critic
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "policy": self.policy.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "critic": None if critic is None else [critic.network.state_dict(), critic.optimizer.state_dict()],
            "recent": None if self.recent is None else self.recent.state(),
            "reward_scale": None if self.reward_scale is None else self.reward_scale.state_dict(),
            "beginning": self.beginning._asdict(),
            "generators": [
                *self.generators.state(),
                *self.evaluation_generators.state(),
                self.shuffling.bit_generator.state,
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore a state of a learner with the same variant, seed and learning rate."""
        for name in _PLAIN:
            setattr(self, name, state[name])
        self.policy.load_state_dict(state["policy"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.critic is not None:
            network, optimizer = state["critic"]
            self.critic.network.load_state_dict(network)
            self.critic.optimizer.load_state_dict(optimizer)
        recent = state["recent"]
        self.recent = None if recent is None else Recent.of_state(recent, self.policy)
        if self.reward_scale is not None:
            self.reward_scale.load_state_dict(state["reward_scale"])
        self.beginning = Beginning(**state["beginning"])
        *of_rollouts, self.shuffling.bit_generator.state = state["generators"]
        self.generators.load(of_rollouts[:2])
        self.evaluation_generators.load(of_rollouts[2:])


def make_learner(
    variant: Variant,
    spaces: Spaces,
    horizon: int,
    seed: int,
    learning_rate: float,
    stream: str,
    stages: Mapping[str, float] = MappingProxyType({}),
    device: torch.device | None = None,
    rewards: Rewards = AS_EARNED,
) -> Learner:
    """Return a new learner, by default on the CPU.

    The name of the stream ("train" or "tune") and the seed determine all of its random numbers: streams are
    independent. `stages` names its snapshots, and the share of the budget at which each is due.
    """
    policy = Policy(variant.policy, spaces, torch_generator(seed, stream, "policy")).to(device)
    return Learner(
        seed=seed,
        learning_rate=learning_rate,
        policy=policy,
        optimizer=variant.optimizer.over(policy.parameters(), learning_rate),
        critic=variant.baseline.make_critic(
            variant, spaces, horizon, torch_generator(seed, stream, "critic"), device=device
        ),
        generators=Generators.of(seed, stream),
        evaluation_generators=Generators.of(seed, stream, prefix="evaluation "),
        shuffling=generator(seed, stream, "minibatches"),
        pending=dict(stages),
        reward_scale=RewardScale(rewards.normalise_discount) if rewards.normalise else None,
    )
