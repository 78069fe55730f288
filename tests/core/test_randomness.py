"""A seed's generators depend on the seed and the purpose, and on nothing else."""

import numpy as np
import torch
from pg.core.randomness import generator, torch_generator


def test_generators_depend_on_seed_and_purpose() -> None:
    draws = {
        key: generator(key[0], *key[1:]).random(2000)
        for key in ((0, "train", "starts"), (1, "train", "starts"), (0, "tune", "starts"), (0, "train", "actions"))
    }
    np.testing.assert_array_equal(draws[0, "train", "starts"], generator(0, "train", "starts").random(2000))
    correlations = np.atleast_2d(np.corrcoef(list(draws.values())))[np.triu_indices(len(draws), 1)]
    assert np.abs(correlations).max() < 5 / 2000**0.5


def test_torch_generators_follow_the_same_rule() -> None:
    first, again, other = (torch.rand(3, generator=torch_generator(seed, "policy")) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
