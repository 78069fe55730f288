"""The latest batches with their policies, and updates that learn from them."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import joined, on_valid_steps
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.learning import training
from pg.learning.advantages import fixed
from pg.learning.policies import Policy
from pg.learning.recent import Recent, collected
from pg.learning.updates import UpdateLog, update
from pg.parts import estimator as compose
from pg.parts.variant import Variant
from tests.learning.batches import SGD, SPACES, perturbed, random_batch, rollout
from tests.learning.runs import train_job, trained

KINDS = ("balance", "own")
CARTPOLE = Environment(id="CartPole-v1", horizon=30)


def policies(count: int) -> list[Policy]:
    return [perturbed(SPACES, seed) for seed in range(count)]


def recent(count: int, most: int = 8) -> Recent:
    """Return what is left after a number of iterations, each with a batch and a policy of its own."""
    found = None
    for seed, policy in enumerate(policies(count)):
        found = collected(policy, random_batch(SPACES, seed), found and found.latest(most - 1))
    assert found is not None
    return found


def test_every_batch_has_its_probabilities_under_every_policy() -> None:
    found, whole = recent(3), joined([random_batch(SPACES, seed) for seed in range(3)])
    assert found.batches == 3
    for mine, policy in zip(found.log_probs, policies(3), strict=True):
        torch.testing.assert_close(mine, on_valid_steps(policy.log_prob, whole), rtol=1e-12, atol=0)


def test_batches_of_different_lengths_are_padded() -> None:
    batches, spaces = [rollout(CARTPOLE, seed, 4) for seed in range(3)], make_environments(CARTPOLE, 1).spaces
    assert len({batch.mask.shape[-1] for batch in batches}) > 1
    actors, found = [perturbed(spaces, seed).float() for seed in range(3)], None
    for actor, batch in zip(actors, batches, strict=True):
        found = collected(actor, batch, found)
    assert found is not None
    for mine, actor in zip(found.log_probs, actors, strict=True):
        torch.testing.assert_close(mine, on_valid_steps(actor.log_prob, joined(batches)), rtol=1e-6, atol=1e-6)


def test_the_oldest_batches_and_policies_are_dropped() -> None:
    found, whole = recent(4, most=2), joined([random_batch(SPACES, seed) for seed in (2, 3)])
    assert found.batches == 2
    assert torch.equal(found.trajectories.rewards, whole.rewards)
    for mine, policy in zip(found.log_probs, policies(4)[2:], strict=True):
        torch.testing.assert_close(mine, on_valid_steps(policy.log_prob, whole), rtol=1e-12, atol=0)


def test_kept_policies_do_not_change_with_the_learner() -> None:
    (policy,) = policies(1)
    found = collected(policy, random_batch(SPACES, 0))
    policy.theta.data.zero_()
    assert found.policies[0].theta.abs().min() > 0


def test_the_state_of_recent_batches_restores_them() -> None:
    found, stored = recent(3), io.BytesIO()
    torch.save(found.state(), stored)
    stored.seek(0)
    again = Recent.of_state(torch.load(stored, weights_only=True), policies(4)[3])
    for one in (found, again):
        one_more = collected(policies(4)[3], random_batch(SPACES, 3), one)
        assert torch.equal(one_more.log_probs, recent(4).log_probs)
        assert torch.equal(one_more.trajectories.observations, recent(4).trajectories.observations)


def improved(variant: Variant, rate: float = 0.3) -> tuple[Policy, UpdateLog]:
    """Return the newest of three policies after an update on all batches."""
    *_, policy = policies(3)
    optimizer, shuffling = SGD.over(policy.parameters(), rate), np.random.default_rng(0)
    return policy, update(policy, optimizer, variant, random_batch(SPACES, 2), shuffling=shuffling, recent=recent(3))


PARTS: dict[str, dict[str, Any]] = {
    "none": {},
    "trajectory": {"importance": "trajectory", "baseline": "leave_one_out"},
    "per_decision": {"importance": {"name": "per_decision", "power_mean": 0.2}, "baseline": "per_step_leave_one_out"},
    "per_step": {"importance": {"name": "per_step", "clip": 0.2}, "normalise_advantages": True},
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_follows_the_estimate_from_all_batches(kind: str, parts: dict[str, Any]) -> None:
    variant = Variant(optimizer=SGD, gradient_steps=2, window={"name": kind, "batches": 3}, **parts)
    assert variant.window is not None
    whole, (*_, other) = joined([random_batch(SPACES, seed) for seed in range(3)]), policies(3)
    kept = fixed(other, variant, whole, batches=3)
    old = variant.window(torch.stack([on_valid_steps(one.log_prob, whole) for one in policies(3)])) * whole.mask
    for _ in range(2):
        log_probs = on_valid_steps(other.log_prob, whole)
        weights = compose.weights(variant, whole, kept, (log_probs - old).detach())
        (gradient,) = torch.autograd.grad(compose.surrogate(log_probs, weights, whole).sum(), other.theta)
        other.theta.data += 0.3 * gradient
    found, log = improved(variant)
    torch.testing.assert_close(found.theta, other.theta, rtol=0, atol=1e-12)
    assert log.gradient_steps == 2


def test_the_first_step_has_weights_already() -> None:
    _, log = improved(Variant(optimizer=SGD, importance="trajectory", window={"batches": 3}))
    assert 1 < log.largest_weight <= 3
    assert log.effective_share < 1


def test_minibatches_are_parts_of_all_batches() -> None:
    variant = Variant(
        optimizer=SGD, importance="trajectory", window={"batches": 3}, batch=4, minibatches=2, baseline="leave_one_out"
    )
    _, log = improved(variant, rate=0.0)
    assert log.gradient_steps == 2
    assert 1 < log.largest_weight <= 3


def test_training_keeps_the_batches_of_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def spy(*arguments: Any) -> UpdateLog:
        used.append(arguments[-1].batches)
        return update(*arguments)

    monkeypatch.setattr(training, "update", spy)
    trained(train_job("pg/Chain-v0", 0, horizon=4, importance="trajectory", window={"batches": 3}, iterations=6))
    assert used == [1, 2, 3, 3, 3, 3]


def test_training_learns_from_as_many_batches_as_there_are() -> None:
    alone, windowed = (
        trained(train_job(CARTPOLE.id, 0, horizon=20, importance="trajectory", batch=3, window=window)).frame
        for window in (None, {"batches": 3})
    )
    first = ["return_mean", "gradient_norm", "surrogate", "largest_weight"]
    assert alone[first].iloc[:1].to_csv() == windowed[first].iloc[:1].to_csv()
    assert (alone["largest_weight"] == 1).all()
    assert (windowed["largest_weight"][1:] > 1).all()
    assert windowed["largest_weight"].max() <= 3 * (1 + 1e-5)
    assert windowed["largest_weight"][1] <= 2 * (1 + 1e-5)
