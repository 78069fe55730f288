"""Batches of trajectories, selected by seed and cut to a shorter horizon."""

from dataclasses import replace

import pytest
import torch
from pg.core.trajectories import Trajectories, joined
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.record import Environment
from pg.environments.small_mdps import chain
from tests.learning.batches import rollout

CARTPOLE = Environment(id="CartPole-v1", horizon=30)


def test_joined_batches_are_those_that_were_joined() -> None:
    batches = [rollout(CARTPOLE, seed, count) for seed, count in ((0, 3), (1, 5))]
    assert len({batch.mask.shape[-1] for batch in batches}) == 2
    whole = joined(batches)
    assert whole.mask.shape[:2] == (1, 8)
    for batch, rows in zip(batches, (slice(0, 3), slice(3, 8)), strict=True):
        found, steps = whole.map_tensors(lambda values, rows=rows: values[:, rows]), batch.mask.shape[-1]
        assert not found.mask[..., steps:].any()
        assert not found.observations[:, :, steps:].any()
        for name in ("observations", "actions", "rewards", "mask"):
            assert torch.equal(getattr(found, name)[:, :, :steps], getattr(batch, name))
        for name in ("terminated", "truncated", "last_observations"):
            assert torch.equal(getattr(found, name), getattr(batch, name))


def test_joined_batches_have_the_states_that_all_of_them_have() -> None:
    every = enumerate_trajectories(chain(2, length=2), 100).trajectories
    states = joined([every, every]).states
    assert states is not None
    assert every.states is not None
    assert torch.equal(states, every.states.repeat(1, 2, 1))
    assert joined([every, replace(every, states=None)]).states is None


def test_shorter_horizon_keeps_the_next_observation_as_the_last() -> None:
    batch = rollout(CARTPOLE, 0)
    assert batch.lengths.min() < 20 < batch.lengths.max()
    found = batch.until(20)
    cut_off = batch.lengths > 20
    assert batch.last_observations is not None
    assert found.last_observations is not None
    assert torch.equal(found.last_observations[cut_off], batch.observations[:, :, 20][cut_off])
    assert torch.equal(found.last_observations[~cut_off], batch.last_observations[~cut_off])
    assert torch.equal(found.truncated, cut_off | batch.truncated)
    assert torch.equal(found.lengths, batch.lengths.clamp(max=20))


def test_cut_trajectories_are_those_of_a_shorter_horizon() -> None:
    for horizon in (1, 2, 3, 4):
        found = enumerate_trajectories(chain(4, length=2), 10_000).trajectories.until(horizon)
        shorter = enumerate_trajectories(chain(horizon, length=2), 10_000).trajectories
        assert found.mask.shape[-1] == horizon
        assert described(found) == described(shorter)


@pytest.mark.parametrize(
    "name", ["observations", "actions", "rewards", "terminated", "truncated", "states", "last_observations"]
)
def test_tensor_with_other_leading_axes_is_refused(name: str) -> None:
    whole = enumerate_trajectories(chain(3, length=2), 100).trajectories
    with pytest.raises(ValueError, match=f"{name} has leading shape .*, but the mask has"):
        replace(whole, **{name: getattr(whole, name)[:, :-1]})


def described(trajectories: Trajectories) -> set[tuple[str, ...]]:
    names = ("states", "actions", "rewards", "mask", "terminated", "truncated", "last_observations")
    columns = [getattr(trajectories, name)[0].tolist() for name in names]
    return {tuple(map(str, row)) for row in zip(*columns, strict=True)}


def test_one_of_several_batches_is_cut_to_its_longest_trajectory() -> None:
    batches = rollout(CARTPOLE, 0).regrouped(6)
    assert batches.last_observations is not None
    for index in (0, 1):
        own = batches.of_batch(index)
        assert own.last_observations is not None
        assert torch.equal(own.last_observations, batches.last_observations[[index]])
        assert own.mask.shape == (1, 6, batches.lengths[index].max())
        assert torch.equal(own.returns, batches.returns[[index]])
