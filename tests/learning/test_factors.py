"""Actions of several discrete components: products of categorical distributions, against the flattened action."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete, MultiBinary, MultiDiscrete, Space
from pg.core.trajectories import Spaces, Trajectories, on_valid_steps
from pg.environments.catalogue import UnsupportedEnvironment, check, check_spaces, outputs_of
from pg.environments.copies import make_environments
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.exact import objective
from pg.environments.one_by_one import SteppedOneByOne
from pg.environments.record import Environment
from pg.environments.small_mdps import random_mdp
from pg.environments.tabular import TabularEnv
from pg.laboratory.reuse import Reuse, corrected_gradients
from pg.learning.job import Demonstrators, Evaluate
from pg.learning.policies import Policy, distribution_of
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.optimizers.natural import Natural
from pg.parts.starts.base import Demonstrator
from pg.parts.starts.clone import Clone
from pg.parts.starts.given import Given
from pg.parts.variant import PolicyOptions, Variant
from scipy.stats import chisquare
from tests.learning.batches import perturbed, random_actions
from tests.learning.runs import Memory, train_job, trained
from torch.distributions import kl_divergence

FACTORS = {"two": (3, 2), "bits": (2, 2, 2), "one": (4,)}
MDP = random_mdp(3, states=2, actions=6, seed=1)
SPACES = Spaces(MDP.spaces.observation_size, (3, 2))


class Factored(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A table of 8 actions, which are numbers or have several components, some of which begin at another number."""

    def __init__(self, actions: Space[Any]) -> None:
        super().__init__(TabularEnv(random_mdp(4, states=2, actions=8, seed=2)))
        self.action_space = actions

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        if isinstance(self.action_space, MultiDiscrete):
            action = action - self.action_space.start
        sizes = (2,) * np.size(action) if isinstance(self.action_space, MultiBinary) else self.sizes
        return super().step(np.ravel_multi_index(np.ravel(action).tolist(), sizes))

    @property
    def sizes(self) -> tuple[int, ...]:
        of = self.action_space
        return tuple(of.nvec.ravel()) if isinstance(of, MultiDiscrete) else (8,)


ACTIONS: dict[str, Space[Any]] = {
    "discrete": Discrete(8),
    "one": MultiDiscrete([8]),
    "two": MultiDiscrete([4, 2], start=[1, -3]),
    "twos": MultiDiscrete([2, 2, 2]),
    "bits": MultiBinary(3),
    "square": MultiDiscrete(np.array([[2, 2], [1, 2]]), start=np.array([[0, 1], [2, 3]])),
    "tuple": gymnasium.spaces.Tuple([Discrete(2), Discrete(4)]),
}
for _name, _space in ACTIONS.items():
    gymnasium.register(
        f"Factored-{_name}-v0", entry_point=lambda actions=_space, **_: Factored(actions), max_episode_steps=4
    )


def environment(name: str) -> Environment:
    return Environment(id=f"Factored-{name}-v0", horizon=4)


def joint(factors: tuple[int, ...]) -> torch.Tensor:
    """Return every action as a row of components, in the order of the flattened actions."""
    return torch.tensor(list(itertools.product(*map(range, factors))))


def flattened(logits: torch.Tensor, factors: tuple[int, ...]) -> torch.Tensor:
    """Return the logits of flattened actions, sums of those of their components."""
    first = torch.tensor([0, *itertools.accumulate(factors[:-1])])
    return logits[..., joint(factors) + first].sum(-1)


def logits_of(factors: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, sum(factors), generator=generator, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
def test_distribution_is_that_of_flattened_actions(factors: tuple[int, ...]) -> None:
    """Probabilities, entropies and divergences are equal, and so are their derivatives."""
    one, other = logits_of(factors), logits_of(factors, 1)
    product = [distribution_of(logits, factors) for logits in (one, other)]
    flat = [distribution_of(flattened(logits, factors), (math.prod(factors),)) for logits in (one, other)]
    for number, action in enumerate(joint(factors)):
        found, expected = product[0].log_prob(action.expand(5, -1)), flat[0].log_prob(torch.full((5,), number))
        assert_equal_with_slopes(found, expected, one)
    assert_equal_with_slopes(product[0].entropy(), flat[0].entropy(), one)
    for pair in ((0, 1), (1, 0)):
        found, expected = (kl_divergence(*(of[index] for index in pair)) for of in (product, flat))
        assert_equal_with_slopes(found, expected, one)
        assert_equal_with_slopes(found, expected, other)


def assert_equal_with_slopes(found: torch.Tensor, expected: torch.Tensor, logits: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(values.sum(), logits, retain_graph=True)[0] for values in (found, expected)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
def test_derivatives_of_likelihood_and_divergence_are_finite_differences(factors: tuple[int, ...]) -> None:
    """First and second derivatives; the second ones of the divergence are the products of the natural gradient."""
    start = distribution_of(logits_of(factors, 1).detach(), factors)
    actions = joint(factors)[:5]
    functions: list[Callable[[torch.Tensor], torch.Tensor]] = [
        lambda logits: distribution_of(logits[: len(actions)], factors).log_prob(actions),
        lambda logits: distribution_of(logits, factors).entropy(),
        lambda logits: kl_divergence(distribution_of(logits, factors), start),
        lambda logits: kl_divergence(start, distribution_of(logits, factors)),
    ]
    for function in functions:
        assert torch.autograd.gradcheck(function, logits_of(factors))
        assert torch.autograd.gradgradcheck(function, logits_of(factors))


# Enumeration ----------------------------------------------------------------------------------------------------------


def table(policy: Policy) -> torch.Tensor:
    """Return the probability of each flattened action in each state, differentiably."""
    factors = policy.shape.spaces.factors
    return flattened(policy.heads(torch.as_tensor(MDP.observations)), factors).softmax(-1).unsqueeze(0)


def every(policy: Policy) -> tuple[Trajectories, torch.Tensor]:
    """Return all trajectories with their actions as components, and the probability of each."""
    enumeration = enumerate_trajectories(MDP, 10_000)
    actions = joint(policy.shape.spaces.factors)[enumeration.trajectories.actions]
    fields = {name: getattr(enumeration.trajectories, name) for name in ("observations", "rewards", "mask")}
    ended = {name: getattr(enumeration.trajectories, name) for name in ("terminated", "truncated")}
    return Trajectories(actions=actions, **fields, **ended), enumeration.probabilities(table(policy)).detach()


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({}, 0),
        ({"returns": "total", "baseline": {"name": "constant", "value": 0.7}}, 0),
        ({"importance": "trajectory"}, 1),
        ({"importance": "per_decision", "baseline": {"name": "constant", "value": -1.0}}, 1),
    ],
)
def test_expected_estimate_is_the_gradient(options: dict[str, Any], target: int) -> None:
    """The gradient is that of J by dynamic programming over flattened actions."""
    behaviour, improved = perturbed(SPACES, 0), perturbed(SPACES, target)
    trajectories, chances = every(behaviour)
    assert chances.sum().item() == pytest.approx(1)
    reuse = Reuse.at(improved, behaviour, trajectories.regrouped(1))
    expected = chances @ corrected_gradients(reuse, Variant(**options))
    (gradient,) = torch.autograd.grad(objective(MDP, table(improved)), improved.theta)
    torch.testing.assert_close(expected, gradient)


def test_likelihoods_of_enumerated_trajectories_are_their_probabilities() -> None:
    policy = perturbed(SPACES, 3)
    trajectories, chances = every(policy)
    likelihoods = on_valid_steps(policy.log_prob, trajectories).sum(-1)[0].exp().detach()
    uniform = enumerate_trajectories(MDP, 10_000).environment_probabilities
    torch.testing.assert_close(likelihoods * uniform, chances)


# Environments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spaces", "outputs"),
    [("two", Spaces(2, (4, 2)), 6), ("bits", Spaces(2, (2, 2, 2)), 6), ("square", Spaces(2, (2, 2, 1, 2)), 7)],
)
def test_sizes_of_spaces_and_networks(name: str, spaces: Spaces, outputs: int) -> None:
    check(environment(name))
    assert make_environments(environment(name), 1).spaces == spaces
    assert outputs_of(environment(name)) == outputs
    assert Policy(PolicyOptions(hidden=()), spaces, torch.Generator()).heads(torch.zeros(1, 2)).shape == (1, outputs)


def test_other_kinds_of_actions_are_refused() -> None:
    with pytest.raises(UnsupportedEnvironment, match=r"must be Discrete, MultiDiscrete, MultiBinary or Box$"):
        check_spaces(gymnasium.make("Factored-tuple-v0"), "Factored-tuple-v0")


@pytest.mark.parametrize("name", ["two", "bits", "square"])
def test_every_action_leads_where_its_flattened_one_does(name: str) -> None:
    """Environments assert that they contain the action, with its shape and first values."""
    copies, flat = (make_environments(environment(one), 8) for one in (name, "discrete"))
    assert isinstance(copies, SteppedOneByOne)
    alive = np.ones(8, dtype=np.bool_)
    copies.reset(np.random.default_rng(0))
    flat.reset(np.random.default_rng(0))
    found = copies.step(joint(copies.spaces.factors).numpy(), alive)
    expected = flat.step(np.arange(8), alive)
    np.testing.assert_array_equal(found.rewards, expected.rewards)
    np.testing.assert_array_equal(found.observations, expected.observations)
    assert len(np.unique(found.rewards)) > 4


def test_sampled_actions_have_the_policys_probabilities() -> None:
    policy, count = perturbed(SPACES, 1).to(torch.float32), 200_000
    actor, state = actor_of(policy), np.zeros((count, 2), dtype=np.float32)
    (noise,) = actor.noise(np.random.default_rng(0), 1, count)
    drawn = np.ravel_multi_index(actor.act(state, noise).T, (3, 2))
    expected = flattened(policy.heads(torch.zeros(2)), (3, 2)).softmax(-1).detach().double().numpy()
    assert chisquare(np.bincount(drawn, minlength=6), expected / expected.sum() * count).pvalue > 1e-4


def test_most_likely_action_is_the_most_likely_of_all() -> None:
    policy = perturbed(SPACES, 2)
    states = np.random.default_rng(0).standard_normal((50, 2), dtype=np.float32)
    actor = actor_of(policy, is_deterministic=True)
    chosen = actor.act(states, actor.noise(np.random.default_rng(0), 1, 50)[0])
    likeliest = flattened(policy.heads(torch.from_numpy(states).double()), (3, 2)).argmax(-1)
    np.testing.assert_array_equal(np.ravel_multi_index(chosen.T, (3, 2)), likeliest)


def test_trajectories_have_the_components_of_the_actions() -> None:
    copies = make_environments(environment("bits"), 6)
    policy = Policy(PolicyOptions(hidden=()), copies.spaces, torch.Generator().manual_seed(0))
    sampled = collect(copies, actor_of(policy), Generators.of(0))
    assert sampled.actions.shape == (*sampled.mask.shape, 3)
    assert set(sampled.actions[sampled.mask].unique().tolist()) == {0, 1}


# Training -------------------------------------------------------------------------------------------------------------

LEARNERS: dict[str, dict[str, Any]] = {
    "plain": {"baseline": "leave_one_out", "entropy_bonus": 0.1},
    "optimal": {"baseline": "optimal"},
    "critic": {"returns": {"name": "gae", "lambda": 0.9}, "baseline": "value_network"},
    "trajectory": {"importance": "trajectory", "gradient_steps": 2},
    "per_decision": {"importance": "per_decision", "gradient_steps": 2},
    "per_step": {"importance": {"name": "per_step", "clip": 0.2}, "gradient_steps": 2, "minibatches": 2},
    "window": {"importance": "trajectory", "window": {"batches": 2}},
    "own": {"importance": "trajectory", "window": {"name": "own", "batches": 2}},
    "natural": {"optimizer": Natural()},
    "given": {"initialise": Given(outputs=(0.0, 0.5, 0.0, -0.5, 1.0, 0.0, 0.0, 0.0))},
    "evaluated": {"evaluate": Evaluate(every_steps=10, episodes=3, deterministic=True)},
    "natural_gradient": {"kl": {"limit": 0.01, "hold_by": "natural_gradient"}},
    **{
        hold_by: {"kl": {"limit": 0.01, "hold_by": hold_by}, "gradient_steps": 2}
        for hold_by in ("early_stop", "penalty", "line_search")
    },
}


def learned(name: str, **options: Any) -> Memory:
    chosen = {"optimizer": "sgd", "batch": 8, **options}
    return trained(train_job(f"Factored-{name}-v0", 0, horizon=4, iterations=5, **chosen), 0.3)


@pytest.mark.long
@pytest.mark.parametrize("learner", LEARNERS)
def test_one_component_learns_as_a_discrete_action(learner: str) -> None:
    one, other = (learned(name, **LEARNERS[learner]) for name in ("one", "discrete"))
    assert one.frame.to_csv() == other.frame.to_csv()
    assert one.evaluations.to_csv() == other.evaluations.to_csv() if one.episodes else not other.episodes
    np.testing.assert_array_equal(one.snapshots[0, "late"]["theta"], other.snapshots[0, "late"]["theta"])


@pytest.mark.long
@pytest.mark.parametrize("learner", [name for name in LEARNERS if name != "given"])
def test_bits_learn_as_components_of_two_values(learner: str) -> None:
    one, other = (learned(name, **LEARNERS[learner]) for name in ("bits", "twos"))
    assert one.frame.to_csv() == other.frame.to_csv()
    assert not one.frame[["surrogate", "gradient_norm", "entropy", "kl_new_old"]].isna().any(axis=None)
    assert (one.frame["gradient_norm"] > 0).all()


@pytest.mark.long
def test_components_are_cloned_with_their_frequencies() -> None:
    """A linear policy that sees the state has a table, which the cloned one finds again."""
    options = PolicyOptions(hidden=())
    shown = perturbed(Spaces(2, (4, 2)), 5, hidden=(), by=1.0)
    start = Clone(
        clone=Demonstrator(experiment="learn", variant="plain", stage="late"),
        demonstrations=600,
        epochs=100,
        learning_rate=0.1,
    )
    job = train_job(
        "Factored-two-v0",
        0,
        horizon=4,
        steps=1,
        policy=options,
        initialise=start,
        demonstrators=Demonstrators(policy=options, stage="late", seeds=(0,)),
    )
    states = torch.eye(2)
    memory = trained(job, 1e-9, {0: {"theta": shown.theta.detach().float().numpy()}})
    cloned = Policy(options, Spaces(2, (4, 2)), torch.Generator())
    cloned.load_state_dict({"theta": torch.from_numpy(memory.snapshots[0, "initial"]["theta"])})
    found, expected = (flattened(one.heads(states.to(one.theta.dtype)), (4, 2)).softmax(-1) for one in (cloned, shown))
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=0.05)


def test_actions_that_tests_draw_are_of_all_values() -> None:
    drawn = random_actions(SPACES, (200,), torch.Generator().manual_seed(0))
    assert drawn.unique(dim=0).tolist() == joint((3, 2)).tolist()
