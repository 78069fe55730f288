"""An update follows the gradient of the surrogate and reports what it did."""

import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from pg.environments.small_mdps import chain
from pg.estimators import compose
from pg.estimators.compose import Fixed
from pg.estimators.importance import NonFiniteWeights
from pg.learning.constraints import Penalty
from pg.learning.policies import Policy, make_policy
from pg.learning.tabular import state_distributions_of, state_ratios
from pg.learning.updates import UpdateLog, advantages, fixed, make_optimizer, update
from pg.study.model import KL, Baseline, Optimizer, Variant
from pg.study.model import Policy as PolicyOptions
from pg.trajectories import Spaces, Trajectories, on_valid_steps
from torch import Tensor
from torch.distributions import kl_divergence

SPACES = Spaces(3, 2)
CONTINUOUS = Spaces(3, None, 2)
CHAIN = chain(horizon=4, length=3)
SGD = Optimizer(name="sgd")

CORRECTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "total": {"returns": "total", "importance": "trajectory"},
    "trajectory": {"importance": "trajectory", "baseline": "leave_one_out"},
    "per_decision": {"importance": "per_decision", "baseline": "average_reward"},
    "per_step": {"importance": "per_step", "baseline": "per_step"},
    "discounted": {"importance": "per_decision", "discount": 0.9, "discount_states": True},
    "future": {"importance": "per_step", "future_correction": True, "baseline": "constant", "constant": 0.5},
    "exact_state": {"importance": "exact_state", "baseline": "exact"},
    "exact_future": {"importance": "exact_state", "future_correction": True},
    "normalised": {"importance": "per_step", "normalise_advantages": True},
    "self_normalised": {"importance": "trajectory", "self_normalised": True},
    "truncated": {"importance": "per_decision", "truncate_at": 1.0, "self_normalised": True},
    "clipped": {"importance": "per_step", "clip": 0.2, "normalise_advantages": True},
}


def batch() -> Trajectories:
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(5) < torch.tensor([[5, 2, 3, 1]]).unsqueeze(-1)
    return Trajectories(
        observations=torch.randn(1, 4, 5, 3, generator=generator, dtype=torch.float64) * mask.unsqueeze(-1),
        actions=torch.randint(2, (1, 4, 5), generator=generator) * mask,
        rewards=torch.randn(1, 4, 5, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=torch.ones(1, 4, dtype=torch.bool),
        truncated=torch.zeros(1, 4, dtype=torch.bool),
    )


def policy() -> Policy:
    return make_policy(PolicyOptions(hidden=(6,)), SPACES, torch.Generator().manual_seed(1), torch.float64)


@pytest.mark.parametrize("baseline", ["none", "average_reward", "per_step_leave_one_out", "optimal"])
def test_a_plain_step_adds_the_learning_rate_times_the_gradient(baseline: Baseline) -> None:
    variant = Variant(baseline=baseline, optimizer=Optimizer(name="sgd"))
    trajectories, one, other = batch(), policy(), policy()
    weights = advantages(other, variant, trajectories)
    objective = compose.surrogate(on_valid_steps(other.log_prob, trajectories), weights, trajectories)
    gradients = torch.autograd.grad(objective.sum(), list(other.parameters()))
    log = update(one, make_optimizer(variant.optimizer, one, 0.1), variant, trajectories)
    for new, old, gradient in zip(one.parameters(), other.parameters(), gradients, strict=True):
        torch.testing.assert_close(new, old + 0.1 * gradient)
    assert log.surrogate == pytest.approx(objective.item())
    assert log.gradient_norm == pytest.approx(torch.cat([g.flatten() for g in gradients]).norm().item())


def test_both_directions_of_the_kl_are_means_over_valid_steps() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant(optimizer=Optimizer(name="sgd"))
    log = update(one, make_optimizer(variant.optimizer, one, 0.5), variant, trajectories)
    states = trajectories.observations[trajectories.mask]
    new_p, old_p = (
        torch.stack([of.log_prob(states, torch.full((len(states),), a)).exp() for a in (0, 1)], -1) for of in (one, old)
    )
    assert log.kl_new_old == pytest.approx((new_p * (new_p / old_p).log()).sum(-1).mean().item())
    assert log.kl_old_new == pytest.approx((old_p * (old_p / new_p).log()).sum(-1).mean().item())
    assert log.kl_new_old != pytest.approx(log.kl_old_new, rel=1e-3)
    assert log.entropy == pytest.approx(-(old_p * old_p.log()).sum(-1).mean().item())


def test_adam_takes_its_first_step_of_the_learning_rates_size_uphill() -> None:
    trajectories, one, old = batch(), policy(), policy()
    variant = Variant()
    update(one, make_optimizer(variant.optimizer, one, 0.01), variant, trajectories)
    moved = torch.cat(
        [(new - before).flatten() for new, before in zip(one.parameters(), old.parameters(), strict=True)]
    )
    assert moved.abs().max().item() == pytest.approx(0.01, rel=1e-3)
    weights = advantages(old, variant, trajectories)

    def objective(of: Policy) -> float:
        return compose.surrogate(on_valid_steps(of.log_prob, trajectories), weights, trajectories).item()

    assert objective(one) > objective(old)


# Several steps -------------------------------------------------------------------------------------------------------


def chain_batch(seed: int = 0, trajectories: int = 8) -> Trajectories:
    """Trajectories of the chain under a random walk that knows its states."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, CHAIN.horizon + 1, (1, trajectories), generator=generator)
    mask = torch.arange(CHAIN.horizon) < lengths.unsqueeze(-1)
    moves = torch.randint(2, mask.shape, generator=generator) * 2 - 1
    # From 0, as the chain starts, so that every state is one that the policy reaches by then.
    walked = torch.cat([torch.zeros(1, trajectories, 1, dtype=torch.int64), moves[..., :-1]], -1)
    states = walk_between_walls(walked) * mask
    return Trajectories(
        observations=torch.nn.functional.one_hot(states, 3).to(torch.float64) * mask.unsqueeze(-1),
        actions=torch.randint(2, mask.shape, generator=generator) * mask,
        rewards=torch.randn(mask.shape, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=torch.ones(1, trajectories, dtype=torch.bool),
        truncated=torch.zeros(1, trajectories, dtype=torch.bool),
        states=states,
    )


def walk_between_walls(moves: Tensor) -> Tensor:
    places = [moves[..., 0]]
    for step in range(1, moves.shape[-1]):
        places.append((places[-1] + moves[..., step]).clamp(0, 2))
    return torch.stack(places, -1)


def flat(of: Policy) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in of.parameters()])


def improved(variant: Variant, trajectories: Trajectories, rate: float = 0.3, **given: Any) -> tuple[Policy, UpdateLog]:
    made = policy()
    given = {"mdp": CHAIN, "penalty": Penalty(), **given}
    return made, update(made, make_optimizer(variant.optimizer, made, rate), variant, trajectories, **given)


@pytest.mark.parametrize("parts", CORRECTIONS.values(), ids=CORRECTIONS)
def test_one_step_of_every_correction_is_the_step_on_policy(parts: dict[str, Any]) -> None:
    trajectories = chain_batch()
    corrected = Variant(optimizer=SGD, **parts)
    kept = {"future_correction", "self_normalised", "truncate_at", "clip", "importance"}
    on_policy = Variant(optimizer=SGD, **{key: value for key, value in parts.items() if key not in kept})
    found, expected = flat(improved(corrected, trajectories)[0]), flat(improved(on_policy, trajectories)[0])
    assert (found - flat(policy())).norm() > 1e-2
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("parts", CORRECTIONS.values(), ids=CORRECTIONS)
def test_every_further_step_follows_the_estimate_where_the_policy_then_stands(parts: dict[str, Any]) -> None:
    trajectories, variant = chain_batch(), Variant(optimizer=SGD, gradient_steps=3, **parts)
    other, behaviour = policy(), policy()
    for _ in range(3):
        gradient = estimate(variant, trajectories, other, behaviour)
        for parameter, slope in zip(other.parameters(), gradient, strict=True):
            parameter.data += 0.3 * slope
    found, log = improved(variant, trajectories)
    torch.testing.assert_close(flat(found), flat(other), rtol=0, atol=1e-12)
    assert log.gradient_steps == 3


def estimate(variant: Variant, trajectories: Trajectories, target: Policy, behaviour: Policy) -> tuple[Tensor, ...]:
    """The gradient of the surrogate at the target policy, put together apart from the update."""
    log_probs = on_valid_steps(target.log_prob, trajectories)
    ratios = (log_probs - on_valid_steps(behaviour.log_prob, trajectories)).detach()
    states = state_ratios(target, CHAIN, state_distributions_of(behaviour, CHAIN), trajectories)
    weights = compose.weights(variant, trajectories, fixed(behaviour, variant, trajectories, CHAIN), ratios, states)
    return torch.autograd.grad(compose.surrogate(log_probs, weights, trajectories).sum(), list(target.parameters()))


def test_corrections_differ_from_the_second_step_on() -> None:
    ends = [
        flat(improved(Variant(optimizer=SGD, gradient_steps=2, importance=kind), chain_batch())[0])
        for kind in ("none", "trajectory", "per_decision", "per_step", "exact_state")
    ]
    for index, one in enumerate(ends):
        assert all((one - other).norm() > 1e-4 for other in ends[:index])


def test_an_update_without_a_limit_looks_at_the_policy_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    distribution = Policy.distribution
    monkeypatch.setattr(Policy, "distribution", lambda self, states: looked.append(1) or distribution(self, states))
    for variant in (Variant(), Variant(importance="per_decision", normalise_advantages=True)):
        for steps, looks in ((1, 2), (5, 6)):
            looked.clear()
            improved(variant.model_copy(update={"gradient_steps": steps}), batch())
            assert len(looked) == looks


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"minibatches": 2}, "generator"),
        ({"importance": "exact_state"}, "tables"),
        ({"baseline": "exact"}, "tables"),
        ({"gradient_steps": 2, "kl": KL(limit=0.1, hold_by="penalty")}, "factor"),
    ],
)
def test_what_an_update_lacks_is_said_before_the_policy_moves(parts: dict[str, Any], missing: str) -> None:
    made = policy()
    with pytest.raises(ValueError, match=missing):
        update(made, make_optimizer(SGD, made, 0.1), Variant(**parts), chain_batch())
    assert torch.equal(flat(made), flat(policy()))


# Minibatches ---------------------------------------------------------------------------------------------------------


def parts_of_steps(
    monkeypatch: pytest.MonkeyPatch, variant: Variant, trajectories: Trajectories, seed: int = 0
) -> list[tuple[Trajectories, Fixed, Tensor]]:
    """What each step of an update was taken on: trajectories, what stays fixed, and the logarithms of the ratios."""
    seen: list[tuple[Trajectories, Fixed, Tensor]] = []
    weights = compose.weights

    def spy(variant: Variant, of: Trajectories, held: Fixed, log_ratios: Tensor, states: Tensor | None) -> Tensor:
        seen.append((of, held, log_ratios))
        return weights(variant, of, held, log_ratios, states)

    with monkeypatch.context() as patched:
        patched.setattr(compose, "weights", spy)
        improved(variant, trajectories, shuffling=np.random.default_rng(seed))
    return seen


def test_minibatches_of_a_pass_partition_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    trajectories = chain_batch()
    seen = parts_of_steps(monkeypatch, Variant(batch=8, minibatches=4, gradient_steps=3), trajectories)
    assert len(seen) == 12
    everything = sorted(map(tuple, trajectories.rewards[0].tolist()))
    passes = [[tuple(row) for part, *_ in seen[i : i + 4] for row in part.rewards[0].tolist()] for i in (0, 4, 8)]
    assert all(part.mask.shape[1] == 2 for part, *_ in seen)
    assert all(sorted(rows) == everything for rows in passes)
    assert passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize(
    "parts",
    [
        {"baseline": "average_reward"},
        {"baseline": "leave_one_out"},
        {"baseline": "per_step"},
        {"baseline": "constant", "constant": 2.0, "normalise_advantages": True},
    ],
    ids=str,
)
def test_minibatches_use_the_advantages_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]
) -> None:
    trajectories, variant = chain_batch(), Variant(batch=8, minibatches=4, **parts)
    whole = fixed(policy(), variant, trajectories).advantages[0]
    known = {tuple(rewards.tolist()): row for rewards, row in zip(trajectories.rewards[0], whole, strict=True)}
    for part, held, _ in parts_of_steps(monkeypatch, variant, trajectories):
        for rewards, row in zip(part.rewards[0], held.advantages[0], strict=True):
            assert torch.equal(row, known[tuple(rewards.tolist())])


def test_the_first_minibatch_is_weighted_by_ratios_of_exactly_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = parts_of_steps(monkeypatch, Variant(batch=8, minibatches=4, importance="per_step"), chain_batch())
    assert [bool((log_ratios == 0).all()) for _, _, log_ratios in seen] == [True, False, False, False]


def test_one_step_on_each_part_is_one_step_on_the_batch_where_the_estimate_is_linear_in_it() -> None:
    variant = Variant(batch=8, minibatches=2, baseline="average_reward", optimizer=SGD)
    small, whole = (
        flat(improved(v, chain_batch(), 1e-6, shuffling=np.random.default_rng(0))[0]) - flat(policy())
        for v in (variant, variant.model_copy(update={"minibatches": 1}))
    )
    torch.testing.assert_close(small / 2, whole, rtol=1e-4, atol=1e-12)


def test_the_same_generator_cuts_the_same_minibatches() -> None:
    variant = Variant(batch=8, minibatches=4, gradient_steps=2, importance="per_step")
    one, same, other = (
        flat(improved(variant, chain_batch(), shuffling=np.random.default_rng(seed))[0]) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


# Limits --------------------------------------------------------------------------------------------------------------

Direction = Literal["new_old", "old_new"]
HoldBy = Literal["early_stop", "penalty", "line_search", "natural_gradient"]


def random_batch(spaces: Spaces, seed: int) -> Trajectories:
    trajectories, generator = batch(), torch.Generator().manual_seed(seed)
    shape = trajectories.mask.shape
    real = torch.randn(*shape, spaces.action_size, generator=generator, dtype=torch.float64)
    discrete = torch.randint(2, shape, generator=generator)
    return Trajectories(
        observations=torch.randn(*shape, 3, generator=generator, dtype=torch.float64),
        actions=discrete if spaces.action_count else real,
        rewards=torch.randn(*shape, generator=generator, dtype=torch.float64) * trajectories.mask,
        mask=trajectories.mask,
        terminated=trajectories.terminated,
        truncated=trajectories.truncated,
    )


def limited(hold_by: HoldBy, direction: Direction, limit: float = 0.01, **parts: Any) -> Variant:
    steps: dict[str, Any] = {} if hold_by == "natural_gradient" else {"gradient_steps": 4, "importance": "per_step"}
    return Variant(kl=KL(limit=limit, hold_by=hold_by, direction=direction), **{**steps, **parts})


@pytest.mark.parametrize("spaces", [SPACES, CONTINUOUS], ids=["categorical", "gaussian"])
@pytest.mark.parametrize("hold_by", ["early_stop", "line_search", "natural_gradient"])
@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_no_update_ends_above_the_limit(spaces: Spaces, hold_by: HoldBy, direction: Direction) -> None:
    variant = limited(hold_by, direction)
    made = make_policy(PolicyOptions(hidden=(6,)), spaces, torch.Generator().manual_seed(0), torch.float64)
    optimizer = make_optimizer(Optimizer(), made, 0.03)
    ends, steps = [], []
    for seed in range(40):
        log = update(made, optimizer, variant, random_batch(spaces, seed))
        ends.append(log.kl_new_old if direction == "new_old" else log.kl_old_new)
        steps.append(log.gradient_steps)
    assert max(ends) <= 0.01 + 1e-6
    assert max(ends) > 0.005, "the limit is used, not only kept"
    assert len(set(steps)) > 1, "some updates meet the limit and some do not"


@pytest.mark.parametrize("hold_by", ["early_stop", "line_search"])
@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_the_limit_is_on_the_direction_that_is_named(hold_by: HoldBy, direction: Direction) -> None:
    free = improved(Variant(optimizer=SGD), chain_batch())[1]
    # A limit between the two directions of one step cuts it in one of them alone.
    between = (free.kl_new_old + free.kl_old_new) / 2
    log = improved(limited(hold_by, direction, between, gradient_steps=1, optimizer=SGD), chain_batch())[1]
    named = free.kl_new_old if direction == "new_old" else free.kl_old_new
    assert (log.gradient_steps < 1) == (named > between)


def test_early_stop_ends_where_the_steps_before_the_last_one_led() -> None:
    trajectories = chain_batch()
    variant = limited("early_stop", "new_old", 0.02, gradient_steps=50, optimizer=SGD)
    stopped, log = improved(variant, trajectories)
    assert 1 <= log.gradient_steps < 49
    free = variant.model_copy(update={"kl": None, "gradient_steps": int(log.gradient_steps)})
    assert torch.equal(flat(stopped), flat(improved(free, trajectories)[0]))
    _, beyond = improved(free.model_copy(update={"gradient_steps": int(log.gradient_steps) + 1}), trajectories)
    assert beyond.kl_new_old > 0.02


@pytest.mark.parametrize("hold_by", ["early_stop", "line_search"])
def test_a_limit_that_is_not_met_changes_nothing(hold_by: HoldBy) -> None:
    variant = limited(hold_by, "new_old", 1e6, minibatches=2, batch=8)
    free = variant.model_copy(update={"kl": None})
    ends = [improved(v, chain_batch(), 0.01, shuffling=np.random.default_rng(0)) for v in (variant, free)]
    assert torch.equal(flat(ends[0][0]), flat(ends[1][0]))
    assert ends[0][1] == ends[1][1]


def test_the_line_search_stays_on_the_way_that_the_steps_led() -> None:
    variant = limited("line_search", "new_old", 0.005, optimizer=SGD)
    found, log = improved(variant, chain_batch())
    whole = flat(improved(variant.model_copy(update={"kl": None}), chain_batch())[0]) - flat(policy())
    share = log.gradient_steps / 4
    assert math.log2(share).is_integer()
    assert share < 1
    torch.testing.assert_close(flat(found) - flat(policy()), share * whole, rtol=1e-9, atol=1e-12)
    twice = policy()
    torch.nn.utils.vector_to_parameters(flat(policy()) + 2 * share * whole, twice.parameters())
    states = chain_batch().observations[chain_batch().mask]
    assert kl_divergence(twice.distribution(states), policy().distribution(states)).mean() > 0.005


def test_the_natural_gradient_ascends_and_nearly_spends_its_limit() -> None:
    variant, trajectories = limited("natural_gradient", "new_old", 1e-4, baseline="average_reward"), chain_batch()
    found, log = improved(variant, trajectories, 0.0)
    assert log.gradient_steps == 1
    assert 0.5e-4 < log.kl_new_old <= 1e-4
    gradient = torch.cat(
        [g.flatten() for g in estimate(Variant(baseline="average_reward"), trajectories, policy(), policy())]
    )
    assert (flat(found) - flat(policy())) @ gradient > 0


def test_a_step_of_the_natural_gradient_that_does_not_help_is_not_taken() -> None:
    trajectories = chain_batch()
    still = trajectories.changed(lambda values: values * 0 if values.is_floating_point() else values)
    found, log = improved(limited("natural_gradient", "new_old"), still)
    assert log.gradient_steps == 0
    assert torch.equal(flat(found), flat(policy()))


def test_the_penalty_holds_the_policy_back_and_is_adapted_to_what_came_out() -> None:
    variant = limited("penalty", "old_new", 1e-3, optimizer=SGD)
    free = improved(variant.model_copy(update={"kl": None}), chain_batch())[1]
    penalty = Penalty(10.0)
    held = improved(variant, chain_batch(), penalty=penalty)[1]
    assert held.penalty == 10
    assert held.kl_old_new < free.kl_old_new
    assert held.surrogate == free.surrogate
    expected = Penalty(10.0)
    expected.adapt(held.kl_old_new, 1e-3)
    assert penalty.factor == expected.factor != 10


def test_the_penalty_is_subtracted_in_the_direction_that_is_named() -> None:
    for direction in ("new_old", "old_new"):
        variant = limited("penalty", direction, 1e-3, optimizer=SGD, gradient_steps=2)
        once = improved(variant.model_copy(update={"kl": None, "gradient_steps": 1}), chain_batch())[0]
        begun, states = policy(), chain_batch().observations[chain_batch().mask]
        new, old = once.distribution(states), begun.distribution(states)
        pair = (new, old) if direction == "new_old" else (old, new)
        slope = torch.autograd.grad(kl_divergence(*pair).mean(), list(once.parameters()))
        gradient = estimate(variant, chain_batch(), once, begun)
        expected = flat(once) + 0.3 * torch.cat([(g - 7 * s).flatten() for g, s in zip(gradient, slope, strict=True)])
        torch.testing.assert_close(flat(improved(variant, chain_batch(), penalty=Penalty(7.0))[0]), expected)


@pytest.mark.parametrize("direction", ["new_old", "old_new"])
def test_the_penalty_is_adapted_to_the_direction_that_is_named(direction: Direction) -> None:
    free = improved(Variant(optimizer=SGD, gradient_steps=2), chain_batch())[1]
    # The penalty is too light to be felt. Its band ends between the two directions of what comes out.
    limit, light = (free.kl_new_old + free.kl_old_new) / 2 / 1.5, 1e-6
    penalty = Penalty(light)
    held = KL(limit=limit, hold_by="penalty", direction=direction)
    improved(Variant(optimizer=SGD, gradient_steps=2, kl=held), chain_batch(), penalty=penalty)
    named = free.kl_new_old if direction == "new_old" else free.kl_old_new
    assert penalty.factor == (2 * light if named > 1.5 * limit else light)


def test_only_a_penalised_variant_adapts_the_penalty() -> None:
    for kl in (None, KL(limit=1e-9, hold_by="early_stop")):
        penalty = Penalty()
        log = improved(Variant(kl=kl), chain_batch(), penalty=penalty)[1]
        assert penalty.factor == 1
        assert log.penalty == 0


# Weights -------------------------------------------------------------------------------------------------------------


def test_the_log_tells_of_the_weights_at_the_new_policy() -> None:
    variant = Variant(importance="trajectory", optimizer=SGD)
    found, log = improved(variant, chain_batch())
    trajectories = chain_batch()
    changes = (on_valid_steps(found.log_prob, trajectories) - on_valid_steps(policy().log_prob, trajectories)).sum(-1)
    weights = changes.exp()
    assert log.largest_weight == pytest.approx(weights.max().item())
    assert log.effective_share == pytest.approx((weights.sum() ** 2 / (8 * weights.square().sum())).item())


def overflowing() -> tuple[Policy, Trajectories]:
    """A narrow Gaussian policy, from whose actions a small step makes ratios that overflow."""
    made = make_policy(PolicyOptions(hidden=()), CONTINUOUS, torch.Generator().manual_seed(0), torch.float64)
    made.log_std.data.fill_(-20.0)
    return made, random_batch(CONTINUOUS, 0)


def test_weights_that_overflow_before_a_step_are_raised_and_after_the_last_one_logged() -> None:
    for steps in (1, 2):
        made, trajectories = overflowing()
        variant = Variant(importance="per_step", optimizer=SGD, gradient_steps=steps)
        optimizer = make_optimizer(SGD, made, 1e-20)
        if steps == 1:
            log = update(made, optimizer, variant, trajectories)
            assert log.largest_weight == math.inf
            assert math.isnan(log.effective_share)
            assert math.isfinite(log.gradient_norm)
        else:
            with pytest.raises(NonFiniteWeights, match="step 0"):
                update(made, optimizer, variant, trajectories)


@pytest.mark.parametrize("discount", [1.0, 0.6])
def test_the_exact_baseline_is_the_discounted_value_of_the_state_at_its_step(discount: float) -> None:
    """Right, left and right again in a corridor of two states, whatever the policy does, and right twice in another."""
    mdp = chain(3, length=2, slip=0)
    states, actions = torch.tensor([[[0, 1, 0], [0, 1, 0]]]), torch.tensor([[[1, 0, 1], [1, 1, 0]]])
    mask = torch.tensor([[[True, True, True], [True, True, False]]])
    trajectories = Trajectories(
        observations=torch.eye(2, dtype=torch.float64)[states] * mask.unsqueeze(-1),
        actions=actions,
        rewards=torch.tensor([[[-0.1, -0.1, -0.1], [-0.1, 0.9, 0]]], dtype=torch.float64),
        mask=mask,
        terminated=torch.tensor([[False, True]]),
        truncated=torch.tensor([[True, False]]),
        states=states,
    )
    one = make_policy(PolicyOptions(hidden=(6,)), mdp.spaces, torch.Generator().manual_seed(1), torch.float64)
    right = one.log_prob(torch.eye(2, dtype=torch.float64), torch.ones(2, dtype=torch.int64)).exp().detach()
    # V_t(s) by hand, from the last step back: every step costs 0.1, and going right from the second state pays 1.
    last = [-0.1, -0.1 + right[1]]
    middle = [
        -0.1 + discount * (right[0] * last[1] + (1 - right[0]) * last[0]),
        -0.1 + right[1] + discount * (1 - right[1]) * last[0],
    ]
    first = -0.1 + discount * (right[0] * middle[1] + (1 - right[0]) * middle[0])
    values = torch.tensor([[[first, middle[1], last[0]], [first, middle[1], 0]]], dtype=torch.float64)
    found = advantages(one, Variant(baseline="exact", discount=discount), trajectories, mdp)
    torch.testing.assert_close(found, compose.returns(Variant(discount=discount), trajectories) - values)


def test_a_baseline_without_what_it_is_made_of_is_refused() -> None:
    with pytest.raises(ValueError, match="value_network needs a network"):
        advantages(policy(), Variant(baseline="value_network"), batch())
    with pytest.raises(ValueError, match="needs the environment's tables"):
        advantages(policy(), Variant(baseline="exact"), batch())
