"""The reference gradient is measured with the estimator that varies least in a pool of any size."""

import pytest
import torch
from pg.environments.copies import make_environments
from pg.environments.record import Environment
from pg.laboratory import reference
from pg.laboratory.frozen import generators_of, random_policy, sample
from pg.laboratory.gradients import batch_gradients, gradients_of_all
from pg.laboratory.job import Sample
from pg.parts.variant import PolicyOptions

CARTPOLE = Environment(id="CartPole-v1", horizon=5)


@pytest.mark.parametrize("count", [4, 16, 24, 32, 64])
def test_the_estimator_of_the_reference_is_chosen_from_two_or_more_batches(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    environments = make_environments(CARTPOLE, count)
    policy = random_policy(PolicyOptions(hidden=(3,)), environments.spaces, 0)
    pool = sample(environments, policy, generators_of(0, "random", "pool"), CARTPOLE.rewards)
    variances: dict[str, float] = {}
    used = set[str]()

    def measured(*given):
        gradients = gradients_of_all(*given)
        variances.update({name: one.var(0).sum().item() for name, one in gradients.items()})
        return gradients

    def estimated(policy, variant, batch):
        used.add(variant.baseline.name)
        return batch_gradients(policy, variant, batch)

    monkeypatch.setattr(reference, "gradients_of_all", measured)
    monkeypatch.setattr(reference, "batch_gradients", estimated)
    few = Sample(trajectories=count, batches=(2,), reference=32, reference_limit=32)
    reference.reference(CARTPOLE, policy, few, 0, "random", pool)
    assert torch.tensor(list(variances.values())).isfinite().all()
    assert used == {min(variances, key=lambda name: variances[name])}
