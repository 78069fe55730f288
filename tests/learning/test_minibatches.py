"""Minibatches divide a batch; their advantages are those of the whole batch."""

from typing import Any

import numpy as np
import pytest
import torch
from pg.core.trajectories import Trajectories
from pg.learning.advantages import fixed
from pg.parts import estimator as compose
from pg.parts.estimator import Fixed
from pg.parts.variant import Variant
from tests.learning.batches import SGD, chain_batch, improved, policy
from torch import Tensor


def parts_of_steps(
    monkeypatch: pytest.MonkeyPatch, variant: Variant, trajectories: Trajectories
) -> list[tuple[Trajectories, Fixed, Tensor]]:
    """The inputs of each step of an update: trajectories, fixed quantities, and log-ratios."""
    seen: list[tuple[Trajectories, Fixed, Tensor]] = []
    weights = compose.weights

    def spy(variant: Variant, of: Trajectories, held: Fixed, log_ratios: Tensor, states: Tensor | None) -> Tensor:
        seen.append((of, held, log_ratios))
        return weights(variant, of, held, log_ratios, states)

    with monkeypatch.context() as patched:
        patched.setattr(compose, "weights", spy)
        improved(variant, trajectories, shuffling=np.random.default_rng(0))
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
        {"baseline": {"name": "constant", "value": 2.0}, "normalise_advantages": True},
    ],
    ids=str,
)
def test_minibatches_have_advantages_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    trajectories, variant = chain_batch(), Variant(batch=8, minibatches=4, **parts)
    whole = fixed(policy(), variant, trajectories).advantages[0]
    known = {tuple(rewards.tolist()): row for rewards, row in zip(trajectories.rewards[0], whole, strict=True)}
    for part, held, _ in parts_of_steps(monkeypatch, variant, trajectories):
        for rewards, row in zip(part.rewards[0], held.advantages[0], strict=True):
            assert torch.equal(row, known[tuple(rewards.tolist())])


def test_ratios_of_the_first_minibatch_are_exactly_1(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = parts_of_steps(monkeypatch, Variant(batch=8, minibatches=4, importance="per_step"), chain_batch())
    assert [bool((log_ratios == 0).all()) for _, _, log_ratios in seen] == [True, False, False, False]


def test_small_steps_on_all_parts_equal_one_on_the_batch() -> None:
    variant = Variant(batch=8, minibatches=2, baseline="average_reward", optimizer=SGD)
    small, whole = (
        improved(v, chain_batch(), 1e-6, shuffling=np.random.default_rng(0))[0].theta - policy().theta
        for v in (variant, variant.model_copy(update={"minibatches": 1}))
    )
    torch.testing.assert_close(small / 2, whole, rtol=1e-4, atol=1e-12)


def test_equal_generators_draw_equal_minibatches() -> None:
    variant = Variant(batch=8, minibatches=4, gradient_steps=2, importance="per_step")
    one, same, other = (
        improved(variant, chain_batch(), shuffling=np.random.default_rng(seed))[0].theta for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_advantages_can_be_normalised_over_each_minibatch(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = Variant(batch=8, minibatches=2, gradient_steps=2, baseline="per_step", normalise_advantages="minibatch")
    plain = variant.model_copy(update={"normalise_advantages": False})
    own, unscaled = (parts_of_steps(monkeypatch, one, chain_batch()) for one in (variant, plain))
    for (part, held, _), (_, raw, _) in zip(own, unscaled, strict=True):
        found, before = held.advantages[part.mask], raw.advantages[part.mask]
        torch.testing.assert_close(found, (before - before.mean()) / before.std(correction=0))
