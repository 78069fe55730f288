r"""Small decision processes in which every batch can be listed, with the gradients that estimates are compared with.

A policy has a logit for every step, state and action, so the entries of a gradient are those of single steps, states
and actions: a wrong entry tells where an estimator errs. In a world with real actions the policy is a Gaussian at each
step, and trajectories are the nodes of a Gauss-Hermite quadrature. It is exact for polynomials, and rewards are
quadratic in the actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pg.core.randomness import generator as generator_of
from pg.core.trajectories import Trajectories
from pg.environments import exact
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.mdp import MDP, count_trajectories

HORIZON = 3
"""Steps of the longest episodes of the processes whose batches of every size are listed."""
DISCOUNT = 0.9
FURTHER: Mapping[int, tuple[int, ...]] = {12: (1, 2), 3: (4,), 2: (5,), 1: (8,)}
"""Numbers of steps of longer episodes, and of trajectories of larger batches, that are few enough to be listed."""
_STATES, _ACTIONS, _OUTCOMES = 3, 2, 2
_TRAJECTORIES = range(6, 10)
_SPREAD = 0.7  # standard deviation of the logits, and of how far the target policy's are from the behaviour policy's
_NODES = 3  # integrates polynomials of degree 5 in each action exactly: a quadratic return times a quadratic score


@dataclass(frozen=True, slots=True)
class World:
    r"""All M trajectories of a behaviour policy π_θ, and what a target policy π_θ' makes of them.

    On-policy, θ' is θ. Quantities along trajectories are zero after the last step.

    Attributes
    ----------
    name
        For messages.
    trajectories
        S = 1, N = M, in float64.
    probabilities
        (M,), of each trajectory under π_θ; they sum to 1.
    scores
        (M, T, D), $\nabla \log \pi_{\theta'}(a_t \mid s_t)$.
    log_probs, old_log_probs
        (M, T), of the actions under π_θ' and π_θ.
    values
        (M, T), $V_t(s_t)$ of π_θ, discounted.
    state_ratios
        (M, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$.
    discount
        γ of values and gradients.
    gradients
        (D,), what an estimate may be on average, by name (see `EXPECTATIONS`).
    coordinates
        D names of the entries of a gradient.
    is_on_policy
        Whether θ' is θ.
    has_exact_values
        Whether `values` are those of π_θ, and not of another function of step and state.
    """

    name: str
    trajectories: Trajectories
    probabilities: Float[Tensor, " M"]
    scores: Float[Tensor, "M T D"]
    log_probs: Float[Tensor, "M T"]
    old_log_probs: Float[Tensor, "M T"]
    values: Float[Tensor, "M T"]
    state_ratios: Float[Tensor, "M T"]
    gradients: Mapping[str, Float[Tensor, " D"]]
    coordinates: tuple[str, ...]
    discount: float = 1.0
    is_on_policy: bool = True
    has_exact_values: bool = True

    @property
    def count(self) -> int:
        """M, the number of trajectories."""
        return len(self.probabilities)

    @property
    def steps(self) -> int:
        """Steps of the longest trajectory."""
        return int(self.trajectories.lengths.max())

    @property
    def is_tabular(self) -> bool:
        """Whether states and actions are finite, so that variances are exact."""
        return self.trajectories.states is not None


@dataclass(frozen=True, slots=True)
class Batches:
    """Batches of N trajectories of a world, on the S axis, each with its probability.

    Attributes
    ----------
    world
        The world.
    members
        (S, N), the indices of the trajectories.
    """

    world: World
    members: Int[Tensor, "S N"]

    @classmethod
    def every(cls, world: World, n: int) -> Batches:
        """Return every ordered batch of N trajectories, with repetition."""
        return cls(world, torch.as_tensor(np.indices([world.count] * n).reshape(n, -1).T.copy()))

    @property
    def n(self) -> int:
        """N, the number of trajectories in a batch."""
        return self.members.shape[1]

    @property
    def trajectories(self) -> Trajectories:
        """The batches, (S, N, T)."""
        return self.world.trajectories.map_tensors(lambda values: values[0, self.members])

    def along(self, values: Float[Tensor, " M *T"]) -> Float[Tensor, "S N *T"]:
        """Arrange a quantity of the world's trajectories in these batches."""
        return values[self.members]

    def estimates(self, weights: Float[Tensor, "S N T"]) -> Float[Tensor, "S D"]:
        r"""Return $\hat g = \frac{1}{N} \sum_i \sum_t c_{i,t} \psi_{i,t}$ of each batch, with weights $c_{i,t}$."""
        valid = weights.where(self.along(self.world.trajectories.mask[0]), 0)
        return torch.einsum("snt,sntd->sd", valid, self.along(self.world.scores)) / self.members.shape[1]

    def moments(self, weights: Float[Tensor, "S N T"]) -> tuple[Float[Tensor, " D"], float]:
        r"""Return $\mathbb{E}[\hat g]$ and tr Cov(ĝ) over all batches, exact up to rounding."""
        estimates, chances = self.estimates(weights), self.along(self.world.probabilities).prod(-1)
        mean = chances @ estimates
        return mean, float(chances @ (estimates - mean).square().sum(-1))


EXPECTATIONS: Mapping[str, str] = {
    "gradient": "∇J(θ')",
    "shrunk": "(1 − 1/N) ∇J(θ')",
    "surrogate": "Σ_t Σ_s d_θ,t(s) Σ_a ∇π_θ'(a|s) Q_θ,t(s, a)",
    "surrogate_of_target_states": "Σ_t Σ_s d_θ',t(s) Σ_a ∇π_θ'(a|s) Q_θ,t(s, a)",
    "discounted_objective": "Σ_t γ^t Σ_s d_t(s) Σ_a ∇π(a|s) Q_t(s, a)",
}
"""What an estimator may be on average, in symbols. On-policy, both surrogates are ∇J."""


def tabular(name: str, seed: int, discount: float = 1.0, *, off_policy: bool = False) -> World:
    """Draw a decision process of three states and two actions, and its policies, from a seed."""
    generator = generator_of(seed, "check", name)
    return _with_policies(name, _drawn_mdp(generator), generator, discount, off_policy=off_policy)


def chain(seed: int, steps: int, *, off_policy: bool = False) -> World:
    """Draw a decision process that one action leaves and the other stays in, up to a number of steps.

    It has one trajectory more than steps, so that longer episodes and larger batches can be listed.
    """
    name = f"chain {steps}{', other policy' if off_policy else ''}"
    generator = generator_of(seed, "check", name)
    shape = (_STATES, _ACTIONS, 1)
    mdp = MDP(
        probabilities=np.ones(shape),
        next_states=np.tile((np.arange(_STATES)[:, None, None] + 1) % _STATES, (1, _ACTIONS, 1)),
        rewards=generator.normal(size=shape),
        terminates=np.tile(np.array([True, steps == 1])[:, None], (_STATES, 1, 1)),
        start=np.eye(_STATES)[0],
        horizon=max(steps, 2),  # the batches of one step are padded: few files expect T = 1
    )
    return _with_policies(name, mdp, generator, stay=1.0, off_policy=off_policy)


def _with_policies(
    name: str,
    mdp: MDP,
    generator: np.random.Generator,
    discount: float = 1.0,
    *,
    stay: float = 0.0,
    off_policy: bool,
) -> World:
    """Draw the policies of a decision process; `stay` is added to the logits of its last action."""
    enumeration = enumerate_trajectories(mdp, 10**4)
    shape = (mdp.horizon, _STATES, _ACTIONS)
    logits = torch.as_tensor(generator.normal(scale=_SPREAD, size=shape) + np.array([0.0, stay]))
    target = logits + torch.as_tensor(generator.normal(scale=_SPREAD, size=shape)) if off_policy else logits
    behaviour, policy = logits.softmax(-1), target.softmax(-1)
    values, new_values = (exact.values(mdp, one, discount) for one in (behaviour, policy))
    visits, new_visits = (exact.state_distributions(mdp, one) for one in (behaviour, policy))
    powers = discount ** torch.arange(mdp.horizon, dtype=torch.float64)[:, None]
    gradients = {
        "gradient": _gradient(target, new_visits, new_values.actions),
        "surrogate": _gradient(target, visits, values.actions),
        "surrogate_of_target_states": _gradient(target, new_visits, values.actions),
    }
    if discount < 1:
        gradients["discounted_objective"] = _gradient(target, powers * new_visits, new_values.actions)
    along = _Along(enumeration)
    coordinates = [
        f"step {t}, state {s}, action {a}" for t in range(mdp.horizon) for s in range(_STATES) for a in range(_ACTIONS)
    ]
    return World(
        name=name,
        trajectories=enumeration.trajectories,
        probabilities=enumeration.probabilities(behaviour),
        scores=along.scores(policy),
        log_probs=along.actions(policy.log()),
        old_log_probs=along.actions(behaviour.log()),
        values=along.states(values.states),
        state_ratios=along.states(new_visits / visits.clamp(min=torch.finfo(visits.dtype).tiny)),
        gradients=gradients,
        coordinates=tuple(coordinates),
        discount=discount,
        is_on_policy=not off_policy,
    )


def _gradient(
    logits: Float[Tensor, "T S A"], visits: Float[Tensor, "T S"], action_values: Float[Tensor, "T S A"]
) -> Float[Tensor, " D"]:
    r"""Return $\sum_t \sum_s d_t(s) \sum_a \nabla \pi_{\theta'}(a \mid s) Q_t(s, a)$.

    With $d_t$ and $Q_t$ of θ' this is ∇J(θ') (Sutton, McAllester, Singh & Mansour 2000, theorem 1).
    """
    leaf = logits.detach().clone().requires_grad_()
    expected = (visits.unsqueeze(-1) * leaf.softmax(-1) * action_values).sum()
    return torch.autograd.grad(expected, leaf)[0].flatten()


@dataclass(frozen=True, slots=True)
class _Along:
    """Looks tables up along the trajectories of an enumeration."""

    enumeration: Enumeration

    @property
    def steps(self) -> Int[Tensor, " T"]:
        return torch.arange(self.enumeration.mdp.horizon)

    @property
    def _places(self) -> tuple[Tensor, Tensor, Tensor]:
        found = self.enumeration.trajectories
        assert found.states is not None, "enumerated trajectories have states"
        return found.states[0], found.actions[0], found.mask[0]

    def states(self, table: Float[Tensor, "T S"]) -> Float[Tensor, "M T"]:
        states, _, mask = self._places
        return table[self.steps, states].where(mask, 0)

    def actions(self, table: Float[Tensor, "T S A"]) -> Float[Tensor, "M T"]:
        states, actions, mask = self._places
        return table[self.steps, states, actions].where(mask, 0)

    def scores(self, policy: Float[Tensor, "T S A"]) -> Float[Tensor, "M T D"]:
        r"""Return $\partial \log \pi_t(a_t \mid s_t) / \partial \theta_{t,s,a} = 1[a = a_t] - \pi_t(a \mid s_t)$."""
        states, actions, mask = self._places
        scores = torch.zeros(*states.shape, *policy.shape, dtype=policy.dtype)
        rows = torch.arange(len(states))[:, None]
        scores[rows, self.steps, self.steps, states] = -policy[self.steps, states]
        scores[rows, self.steps, self.steps, states, actions] += 1
        return scores.flatten(2) * mask.unsqueeze(-1)


def _drawn_mdp(generator: np.random.Generator) -> MDP:
    """Draw decision processes until one has few trajectories, and trajectories of every length."""
    while True:
        mdp = _any_mdp(generator)
        if count_trajectories(mdp) in _TRAJECTORIES:
            lengths = enumerate_trajectories(mdp, _TRAJECTORIES.stop).trajectories.lengths
            if len(lengths.unique()) == HORIZON:
                return mdp


def _any_mdp(generator: np.random.Generator) -> MDP:
    shape = (_STATES, _ACTIONS, _OUTCOMES)
    # One action in four has two outcomes.
    first = np.where(generator.random(shape[:2]) < 0.25, generator.uniform(0.3, 0.7, shape[:2]), 1.0)
    return MDP(
        probabilities=np.stack([first, 1 - first], axis=-1),
        next_states=generator.integers(_STATES, size=shape),
        rewards=generator.normal(size=shape),
        terminates=generator.random(shape) < 0.35,
        start=np.eye(_STATES)[0],
        horizon=HORIZON,
    )


def gaussian(name: str, seed: int) -> World:
    r"""Draw a process with real actions, and a policy $a_t \sim \mathcal{N}(\mu_t, \sigma_t^2)$, from a seed.

    The reward of step t is quadratic in its action and linear in the previous one. An episode ends after the first of
    two steps with a probability that does not depend on the action.
    """
    generator = generator_of(seed, "check", name)
    mean, log_std = torch.as_tensor(generator.normal(scale=0.5, size=(2, 2)))
    linear, quadratic, carried = generator.normal(size=(3, 2))
    ends = float(generator.uniform(0.3, 0.7))
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(_NODES)
    shares, count = node_weights / node_weights.sum(), len(nodes)
    first = np.concatenate([np.arange(count), np.repeat(np.arange(count), count)])
    second = np.concatenate([np.zeros(count, dtype=int), np.tile(np.arange(count), count)])
    mask = torch.as_tensor(np.stack([np.ones(len(first)), np.arange(len(first)) >= count], axis=-1) > 0)
    noise = torch.as_tensor(np.stack([nodes[first], nodes[second]], axis=-1))
    chances = np.where(mask[:, 1], (1 - ends) * shares[first] * shares[second], ends * shares[first])

    def rewards_of(mean: Tensor, log_std: Tensor) -> Float[Tensor, "M T"]:
        actions = mean + log_std.exp() * noise
        previous = torch.stack([torch.zeros_like(actions[:, 0]), actions[:, 0]], dim=-1)
        line, square, carry = (torch.as_tensor(found) for found in (linear, quadratic, carried))
        return (line * actions + square * actions**2 + carry * previous * (1 + actions)).where(mask, 0)

    # The pathwise derivative of J, for which the policy's scores are not needed.
    leaves = [one.clone().requires_grad_() for one in (mean, log_std)]
    probabilities = torch.as_tensor(chances)
    objective = probabilities @ rewards_of(*leaves).sum(-1)
    gradient = torch.cat(torch.autograd.grad(objective, leaves))
    rewards, deviation = rewards_of(mean, log_std), log_std.exp()
    scores = torch.zeros(len(first), 2, 4, dtype=torch.float64)
    for step in range(2):
        scores[:, step, step] = noise[:, step] / deviation[step]
        scores[:, step, 2 + step] = noise[:, step] ** 2 - 1
    log_probs = (-(noise**2) / 2 - log_std - np.log(2 * np.pi) / 2).where(mask, 0)
    # The expected reward of the second step depends on the first action.
    expected = rewards[count:, 1].reshape(count, count) @ torch.as_tensor(shares)
    values = torch.zeros_like(rewards)
    values[:, 0] = probabilities @ rewards.sum(-1)
    values[count:, 1] = expected.repeat_interleave(count)
    trajectories = Trajectories(
        observations=torch.eye(2, dtype=torch.float64).expand(1, len(first), 2, 2) * mask[None, ..., None],
        actions=(mean + deviation * noise).where(mask, 0)[None, ..., None],
        rewards=rewards[None],
        mask=mask[None],
        terminated=torch.ones(1, len(first), dtype=torch.bool),
        truncated=torch.zeros(1, len(first), dtype=torch.bool),
    )
    return World(
        name=name,
        trajectories=trajectories,
        probabilities=probabilities,
        scores=scores * mask.unsqueeze(-1),
        log_probs=log_probs,
        old_log_probs=log_probs,
        values=values,
        state_ratios=mask.double(),
        gradients=dict.fromkeys(("gradient", "surrogate", "surrogate_of_target_states"), gradient),
        coordinates=tuple(f"step {step}, {what}" for what in ("mean", "log deviation") for step in range(2)),
    )


def with_other_values(world: World, seed: int) -> World:
    """Return a tabular world whose values are those of a function that errs, as a learned one does."""
    steps, states = world.log_probs.shape[1], world.trajectories.states
    assert states is not None, "tabular worlds have states"
    errors = torch.as_tensor(generator_of(seed, "check", "values", world.name).normal(size=(steps, _STATES)))
    wrong = world.values + errors[torch.arange(steps), states[0]]
    return replace(
        world,
        name=f"{world.name}, another V",
        values=wrong.where(world.trajectories.mask[0], 0),
        has_exact_values=False,
    )


def further(seed: int, *, off_policy: bool, valued: bool) -> Iterator[Batches]:
    """Yield every batch of a few trajectories of long episodes, and of more trajectories of short ones."""
    for steps, sizes in FURTHER.items():
        world = chain(seed, steps, off_policy=off_policy)
        yield from (Batches.every(world, n) for n in sizes)
        if valued and steps > HORIZON:
            yield from (Batches.every(with_other_values(world, seed), n) for n in sizes)


def worlds(seed: int, *, off_policy: bool, discounted: bool, valued: bool) -> Iterator[World]:
    """Yield the worlds of a check; the seed decides all of them."""
    if valued:
        yield with_other_values(tabular("process 1", seed), seed)
    for number in range(3):
        yield tabular(f"process {number + 1}", seed)
    yield gaussian("Gaussian process", seed)
    if off_policy:
        for number in range(2):
            yield tabular(f"process {number + 1}, other policy", seed, off_policy=True)
    if discounted:
        yield tabular("process 1, discounted", seed, DISCOUNT)
