"""Seconds of one core for a probe of 100,000 CartPole trajectories, and for a loop over them."""

import time
from dataclasses import dataclass

import pytest
import torch
from pg.core.randomness import torch_generator
from pg.core.trajectories import Trajectories
from pg.environments.record import Environment, Rewards
from pg.environments.stacked import make_environments
from pg.laboratory.frozen import generators_of, sample
from pg.laboratory.gradients import gradients_of_all
from pg.learning.policies import Policy
from pg.parts import estimator as compose
from pg.parts.batch import Batch, ScoreProducts
from pg.parts.variant import PolicyOptions, Variant
from tests.parts.named import FROM_THE_BATCH

BATCH, BATCHES, PARTS = 16, 1250, 5
TRAJECTORIES = BATCH * BATCHES * PARTS
LOOPED = 20
VARIANTS = {
    f"{returns}-{baseline}": Variant(returns=returns, baseline=baseline, batch=BATCH)
    for returns in ("total", "to_go")
    for baseline in ("none", *FROM_THE_BATCH)
}


@dataclass(frozen=True)
class Seconds:
    """Of one core, for one trajectory and all estimators."""

    stacked: float
    looped: float


def looped_gradient(policy: Policy, variant: Variant, batch: Trajectories) -> torch.Tensor:
    """Average the gradients of single trajectories, with a backward pass for each."""
    if not variant.baseline.needs_score_products:
        return summed_scores(
            policy, batch, compose.weights(variant, batch, compose.fixed(Batch(variant, batch)))[0]
        ).mean(0)
    weighted = summed_scores(policy, batch, Batch(variant, batch).returns[0])
    plain = summed_scores(policy, batch, torch.ones_like(batch.rewards[0]))
    products = ScoreProducts((weighted * plain).sum(-1).unsqueeze(0), plain.square().sum(-1).unsqueeze(0))
    return (weighted - variant.baseline(Batch(variant, batch, lambda _: products))[0] * plain).mean(0)


def summed_scores(policy: Policy, batch: Trajectories, weights: torch.Tensor) -> torch.Tensor:
    parameters, gradients = list(policy.parameters()), []
    for i, length in enumerate(batch.lengths[0].tolist()):
        log_probs = policy.log_prob(batch.observations[0, i, :length], batch.actions[0, i, :length])
        parts = torch.autograd.grad((log_probs * weights[i, :length]).sum(), parameters)
        gradients.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(gradients)


@pytest.fixture(scope="module")
def seconds() -> Seconds:
    assert (len(VARIANTS), TRAJECTORIES) == (12, 100_000)
    copies = make_environments(Environment(id="CartPole-v1"), 1, BATCH * BATCHES)
    policy = Policy(PolicyOptions(), copies.spaces, torch_generator(0, "policy"))
    generators = generators_of(0, "speed")
    stacked, looped = 0.0, 0.0
    for _ in range(PARTS):
        batches = sample(copies, policy, generators, Rewards()).regrouped(BATCH)
        begin = time.process_time()
        together = gradients_of_all(policy, VARIANTS, batches)
        stacked += time.process_time() - begin
        for index in range(LOOPED):
            batch = batches.of_seed(index)
            begin = time.process_time()
            alone = {name: looped_gradient(policy, variant, batch) for name, variant in VARIANTS.items()}
            looped += time.process_time() - begin
            for name, one in alone.items():
                assert together[name][index].norm().item() == pytest.approx(one.norm().item(), rel=1e-3)
    return Seconds(stacked / TRAJECTORIES, looped / (PARTS * LOOPED * BATCH))


@pytest.mark.slow
def test_twelve_estimators_take_less_than_a_minute(seconds: Seconds) -> None:
    assert seconds.stacked * TRAJECTORIES < 60


@pytest.mark.slow
def test_a_loop_over_trajectories_takes_twenty_times_as_long(seconds: Seconds) -> None:
    assert seconds.looped > 20 * seconds.stacked
