"""Seconds of one core for a probe of 100,000 CartPole trajectories."""

import time

import pytest
from pg.core.randomness import torch_generator
from pg.environments.copies import make_environments
from pg.environments.record import Environment, Rewards
from pg.laboratory.frozen import generators_of, sample
from pg.laboratory.gradients import gradients_of_all
from pg.learning.policies import Policy
from pg.parts.variant import PolicyOptions, Variant
from tests.parts.named import FROM_THE_BATCH

BATCH, BATCHES, PARTS = 16, 1250, 5
TRAJECTORIES = BATCH * BATCHES * PARTS
VARIANTS = {
    f"{returns}-{baseline}": Variant(returns=returns, baseline=baseline, batch=BATCH)
    for returns in ("total", "to_go")
    for baseline in ("none", *FROM_THE_BATCH)
}


@pytest.mark.slow
def test_twelve_estimators_take_less_than_a_minute() -> None:
    assert (len(VARIANTS), TRAJECTORIES) == (12, 100_000)
    copies = make_environments(Environment(id="CartPole-v1"), BATCH * BATCHES)
    policy = Policy(PolicyOptions(), copies.spaces, torch_generator(0, "policy"))
    generators, seconds = generators_of(0, "speed"), 0.0
    for _ in range(PARTS):
        batches = sample(copies, policy, generators, Rewards()).regrouped(BATCH)
        begin = time.process_time()
        gradients_of_all(policy, VARIANTS, batches)
        seconds += time.process_time() - begin
    assert seconds < 60
