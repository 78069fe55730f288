"""Batches, a policy, and its updates, for tests of learning."""

from collections.abc import Sequence
from typing import Any

import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Spaces, Trajectories, on_valid_steps
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.environments.small_mdps import chain
from pg.learning.advantages import fixed
from pg.learning.policies import Policy
from pg.learning.rollout import Generators, actor_of, collect
from pg.learning.tabular import state_distributions_of, state_ratios
from pg.learning.updates import UpdateLog, update
from pg.parts import estimator as compose
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.parts import made
from torch import Tensor

SPACES, CONTINUOUS, FACTORED = Spaces(3, 2), Spaces(3, None, 2), Spaces(3, (3, 2))
CHAIN = chain(horizon=4, length=3)
SGD = Sgd()


def batch() -> Trajectories:
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(5) < torch.tensor([[5, 2, 3, 1]]).unsqueeze(-1)
    observations = torch.randn(1, 4, 5, 3, generator=generator, dtype=torch.float64) * mask.unsqueeze(-1)
    actions = torch.randint(2, (1, 4, 5), generator=generator) * mask
    rewards = torch.randn(1, 4, 5, generator=generator, dtype=torch.float64) * mask
    return made.trajectories(rewards, mask, observations=observations, actions=actions)


def random_batch(spaces: Spaces, seed: int) -> Trajectories:
    mask, generator = batch().mask, torch.Generator().manual_seed(seed)
    actions = random_actions(spaces, mask.shape, generator)
    observations = torch.randn(*mask.shape, 3, generator=generator, dtype=torch.float64)
    rewards = torch.randn(*mask.shape, generator=generator, dtype=torch.float64) * mask
    return made.trajectories(rewards, mask, observations=observations, actions=actions)


def random_actions(spaces: Spaces, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw standard normal actions, or uniform discrete ones."""
    if spaces.action_count is None:
        return torch.randn(*shape, spaces.action_size, generator=generator, dtype=torch.float64)
    drawn = torch.stack([torch.randint(count, tuple(shape), generator=generator) for count in spaces.factors], -1)
    return drawn if isinstance(spaces.action_count, tuple) else drawn.squeeze(-1)


def chain_batch() -> Trajectories:
    """Return eight trajectories of a random walk on the chain, with their states."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, CHAIN.horizon + 1, (1, 8), generator=generator)
    mask = torch.arange(CHAIN.horizon) < lengths.unsqueeze(-1)
    moves = torch.randint(2, mask.shape, generator=generator) * 2 - 1
    # The chain starts in state 0; every state is one that a policy can reach by that step.
    walked = torch.cat([torch.zeros(1, 8, 1, dtype=torch.int64), moves[..., :-1]], -1)
    states = walk_between_walls(walked) * mask
    observations = torch.nn.functional.one_hot(states, 3).to(torch.float64) * mask.unsqueeze(-1)
    actions = torch.randint(2, mask.shape, generator=generator) * mask
    rewards = torch.randn(mask.shape, generator=generator, dtype=torch.float64) * mask
    return made.trajectories(rewards, mask, observations=observations, actions=actions, states=states)


def walk_between_walls(moves: Tensor) -> Tensor:
    places = [moves[..., 0]]
    for step in range(1, moves.shape[-1]):
        places.append((places[-1] + moves[..., step]).clamp(0, 2))
    return torch.stack(places, -1)


def policy() -> Policy:
    return Policy(PolicyOptions(hidden=(6,)), SPACES, torch.Generator().manual_seed(1), torch.float64)


def perturbed(spaces: Spaces, seed: int = 0, hidden: tuple[int, ...] = (8,), by: float = 0.3, **options: Any) -> Policy:
    """Return a policy in float64 that is far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    new = Policy(PolicyOptions(hidden=hidden, **options), spaces, generator, torch.float64)
    new.theta.data += by * torch.randn(new.theta.shape, generator=generator, dtype=torch.float64)
    return new


def rollout(environment: Environment, seed: int, trajectories: int = 12) -> Trajectories:
    """Sample trajectories of a new policy."""
    copies = make_environments(environment, trajectories)
    new = Policy(PolicyOptions(hidden=(8,)), copies.spaces, torch_generator(seed, "policy"))
    return collect(copies, actor_of(new), Generators.of(seed))


def improved(variant: Variant, trajectories: Trajectories, rate: float = 0.3, **given: Any) -> tuple[Policy, UpdateLog]:
    new = policy()
    optimizer = variant.optimizer.over(new.parameters(), rate)
    return new, update(new, optimizer, variant, trajectories, **{"mdp": CHAIN, **given})


def estimate(variant: Variant, trajectories: Trajectories, target: Policy, behaviour: Policy) -> Tensor:
    """The gradient of the surrogate at the target policy, computed without the code of updates."""
    log_probs = on_valid_steps(target.log_prob, trajectories)
    ratios = (log_probs - on_valid_steps(behaviour.log_prob, trajectories)).detach()
    states = state_ratios(target, CHAIN, state_distributions_of(behaviour, CHAIN), trajectories)
    weights = compose.weights(variant, trajectories, fixed(behaviour, variant, trajectories, CHAIN), ratios, states)
    return torch.autograd.grad(compose.surrogate(log_probs, weights, trajectories).sum(), target.theta)[0]
