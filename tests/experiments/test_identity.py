"""The surrogate's gradient is the explicit sum and weighted imitation; where it is not, the measurement says so."""

import math
from functools import cache
from typing import Any

import pandas as pd
import pytest
import torch
from pg.core.trajectories import Spaces, Trajectories
from pg.environments.record import Environment
from pg.experiments.identity.measure import Forms, explicit_gradient, imitation_loss
from pg.experiments.identity.metrics import METRICS, relative_difference
from pg.experiments.identity.record import IdentityExperiment
from pg.experiments.metric import values
from pg.laboratory.frozen import random_policy
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.learning.updates import update
from pg.parts import estimator as compose
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.learning.batches import random_actions

SMALL = PolicyOptions(hidden=(8,))
LINEAR = PolicyOptions(hidden=())
DISCRETE = Spaces(observation_size=3, action_count=4)
REAL = Spaces(observation_size=3, action_count=None, action_size=2)
FACTORED = Spaces(observation_size=3, action_count=(3, 2))
SPACES = [
    pytest.param(DISCRETE, id="categorical"),
    pytest.param(REAL, id="gaussian"),
    pytest.param(FACTORED, id="factored"),
]
TRAJECTORIES = 4

ENVIRONMENTS = {
    "cartpole": Environment(id="CartPole-v1", horizon=10),
    "pendulum": Environment(id="InvertedPendulum-v5", horizon=10),
    "chain": Environment(id="pg/Chain-v0", horizon=6),
}
VARIANTS = {
    "total": Variant(returns="total", policy=SMALL, batch=4),
    "discounted": Variant(discount=0.9, discount_states=True, policy=SMALL, batch=4),
    "optimal": Variant(baseline="optimal", policy=SMALL, batch=3),
    "normalised": Variant(baseline="per_step", normalise_advantages=True, policy=LINEAR, batch=4),
}
DIFFERENCES = ["explicit_difference", "imitation_difference", "cloning_difference"]


@cache
def rows(environment: str) -> pd.DataFrame:
    return rows_with(environment)


def rows_with(environment: str, **more: Variant) -> pd.DataFrame:
    return rows_of(job_of(IdentityExperiment, ENVIRONMENTS[environment], VARIANTS | more, 0, 2))


def differences(policy: Policy, variant: Variant, trajectories: Trajectories) -> dict[str, float]:
    return values(METRICS, Forms(policy, variant, trajectories))


def batch(spaces: Spaces) -> Trajectories:
    """Made-up trajectories of 5, 2, 3 and 1 steps."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(5) < torch.tensor([[5, 2, 3, 1]]).unsqueeze(-1)
    shape = tuple(mask.shape)
    actions = random_actions(spaces, shape, generator)
    actions = actions * mask.reshape(*shape, *[1] * (actions.dim() - 3))
    return Trajectories(
        observations=torch.randn(*shape, 3, generator=generator, dtype=torch.float64) * mask.unsqueeze(-1),
        actions=actions,
        rewards=torch.randn(shape, generator=generator, dtype=torch.float64) * mask,
        mask=mask,
        terminated=torch.ones(1, TRAJECTORIES, dtype=torch.bool),
        truncated=torch.zeros(1, TRAJECTORIES, dtype=torch.bool),
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_form_gives_the_gradient_that_training_follows(environment: str) -> None:
    found = rows(environment)
    assert len(found) == 2 * len(VARIANTS)
    assert (found[DIFFERENCES] < 1e-12).all(axis=None)


def test_forms_agree_for_a_baseline_from_the_environments_tables() -> None:
    found = rows_with("chain", exact=Variant(baseline="exact", policy=SMALL, batch=4)).query("variant == 'exact'")
    assert len(found) == 2
    assert (found[DIFFERENCES] < 1e-12).all(axis=None)


def test_the_explicit_sum_takes_a_backward_pass_per_step(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, trajectories, backward = random_policy(SMALL, DISCRETE, seed=0), batch(DISCRETE), torch.autograd.grad
    taken: list[object] = []

    def counted(*arguments: Any) -> Any:
        taken.append(None)
        return backward(*arguments)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    assert explicit_gradient(policy, Variant(), trajectories)[1] == len(taken) == 5 + 2 + 3 + 1


def test_passes_are_trajectories_times_steps_without_an_early_end() -> None:
    # A pole that starts upright stays up for five steps, whatever the actions.
    variants = {str(n): Variant(batch=n, policy=SMALL) for n in (1, 6)}
    found = rows_of(job_of(IdentityExperiment, Environment(id="CartPole-v1", horizon=5), variants))
    assert found["batch"].tolist() == [1, 6]
    assert found["backward_passes"].tolist() == [5, 30]


def test_the_explicit_sum_of_a_linear_softmax_has_a_closed_form() -> None:
    """The gradient of log softmax(s W + b)[a] is e_a − π in b, and the outer product of s and e_a − π in W."""
    policy, trajectories, variant = random_policy(LINEAR, DISCRETE, seed=1), batch(DISCRETE), Variant()
    weights = advantages(policy, variant, trajectories)
    layer, by_matrix, by_biases = policy.affine[0], torch.zeros(3, 4).double(), torch.zeros(4).double()
    for i in range(TRAJECTORIES):
        for t in range(int(trajectories.lengths[0, i])):
            state = trajectories.observations[0, i, t]
            error = -torch.softmax(state @ layer.matrix + layer.biases, 0).detach()
            error[trajectories.actions[0, i, t]] += 1
            by_biases += weights[0, i, t] * error / TRAJECTORIES
            by_matrix += weights[0, i, t] * torch.outer(state, error) / TRAJECTORIES
    expected = torch.cat([by_matrix.flatten(), by_biases])
    torch.testing.assert_close(explicit_gradient(policy, variant, trajectories)[0], expected, rtol=1e-12, atol=1e-12)


def test_the_explicit_sum_of_a_linear_gaussian_has_a_closed_form() -> None:
    """With z = (a − s W − b) / σ the gradient is z / σ in b, the outer product of s and z / σ in W, z² − 1 in log σ."""
    policy, trajectories, variant = random_policy(LINEAR, REAL, seed=1), batch(REAL), Variant(returns="total")
    weights = advantages(policy, variant, trajectories)[trajectories.mask].unsqueeze(-1) / TRAJECTORIES
    states, actions = trajectories.observations[trajectories.mask], trajectories.actions[trajectories.mask]
    layer, deviation = policy.affine[0], policy.log_std.exp().detach()
    z = (actions - states @ layer.matrix.detach() - layer.biases.detach()) / deviation
    by_mean, by_log_std = weights * z / deviation, weights * (z.square() - 1)
    expected = torch.cat([(states.T @ by_mean).flatten(), by_mean.sum(0), by_log_std.sum(0)])
    found, _ = explicit_gradient(policy, variant, trajectories)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spaces", SPACES)
def test_a_plain_training_step_goes_along_the_explicit_sum(spaces: Spaces) -> None:
    variant = Variant(baseline="leave_one_out", optimizer=Sgd())
    policy, start, trajectories = random_policy(SMALL, spaces, 2), random_policy(SMALL, spaces, 2), batch(spaces)
    update(policy, variant.optimizer.over(policy.parameters(), 0.25), variant, trajectories)
    explicit, _ = explicit_gradient(start, variant, trajectories)
    torch.testing.assert_close((policy.theta - start.theta).detach(), 0.25 * explicit, rtol=1e-10, atol=1e-12)


surrogate = compose.surrogate


@pytest.mark.parametrize("spaces", SPACES)
@pytest.mark.parametrize(
    "factor", [-1, TRAJECTORIES, 1 / 5], ids=["wrong sign", "sum over trajectories", "mean over time"]
)
def test_every_form_detects_a_surrogate_that_is_off_by_a_factor(
    monkeypatch: pytest.MonkeyPatch, spaces: Spaces, factor: float
) -> None:
    monkeypatch.setattr(compose, "surrogate", lambda *given: factor * surrogate(*given))
    found = differences(random_policy(SMALL, spaces, 3), Variant(), batch(spaces))
    assert [found[name] for name in DIFFERENCES] == pytest.approx([abs(factor - 1)] * 3, rel=1e-10)


@pytest.mark.parametrize("spaces", SPACES)
def test_weights_of_the_wrong_steps_are_detected(monkeypatch: pytest.MonkeyPatch, spaces: Spaces) -> None:
    def shifted(log_probs: torch.Tensor, weights: torch.Tensor, trajectories: Trajectories) -> torch.Tensor:
        return surrogate(log_probs, weights.roll(1, -1), trajectories)

    monkeypatch.setattr(compose, "surrogate", shifted)
    found = differences(random_policy(SMALL, spaces, 3), Variant(), batch(spaces))
    assert found["explicit_difference"] > 0.1
    assert found["imitation_difference"] > 0.1
    assert found["cloning_difference"] < 1e-12, "weights that are all 1 cannot be swapped"


@pytest.mark.parametrize(
    ("spaces", "loss"), [(DISCRETE, "cross_entropy"), (FACTORED, "cross_entropy"), (REAL, "mse_loss")]
)
def test_the_imitations_are_made_of_the_losses_of_supervised_learning(
    monkeypatch: pytest.MonkeyPatch, spaces: Spaces, loss: str
) -> None:
    usual = getattr(torch.nn.functional, loss)
    monkeypatch.setattr(torch.nn.functional, loss, lambda *inputs, **options: 2 * usual(*inputs, **options))
    found = differences(random_policy(SMALL, spaces, 4), Variant(), batch(spaces))
    assert found["explicit_difference"] < 1e-12
    # Half of the doubled gradient is missing.
    assert [found[name] for name in DIFFERENCES[1:]] == pytest.approx([0.5, 0.5], rel=1e-10)


@pytest.mark.parametrize("spaces", [DISCRETE, FACTORED])
def test_weights_of_one_sum_cross_entropies_over_steps(spaces: Spaces) -> None:
    policy, trajectories = random_policy(SMALL, spaces, seed=5), batch(spaces)
    states, actions = trajectories.observations[trajectories.mask], trajectories.actions[trajectories.mask]
    expected = -policy.log_prob(states, actions).sum() / TRAJECTORIES
    torch.testing.assert_close(imitation_loss(policy, trajectories, torch.ones(1, 4, 5).double()), expected)


def test_weights_of_one_sum_squared_errors_over_twice_the_variance() -> None:
    policy, trajectories = random_policy(LINEAR, REAL, seed=5), batch(REAL)
    states, actions = trajectories.observations[trajectories.mask], trajectories.actions[trajectories.mask]
    errors = (actions - policy.affine[0](states)).square() / (2 * (2 * policy.log_std).exp())
    expected = errors.sum() / TRAJECTORIES
    torch.testing.assert_close(imitation_loss(policy, trajectories, torch.ones(1, 4, 5).double()), expected)


@pytest.mark.parametrize("spaces", SPACES)
def test_without_its_weights_imitation_has_another_gradient(spaces: Spaces) -> None:
    policy, trajectories = random_policy(SMALL, spaces, seed=6), batch(spaces)
    weighted, cloning = (
        torch.autograd.grad(loss, policy.theta)[0][: len(policy.network)]
        for loss in (
            imitation_loss(policy, trajectories, advantages(policy, Variant(), trajectories)),
            imitation_loss(policy, trajectories, torch.ones(1, 4, 5, dtype=torch.float64)),
        )
    )
    assert relative_difference(weighted, cloning) > 0.1


def test_the_relative_difference_to_zero_is_zero_or_nan() -> None:
    zero, one = torch.zeros(2, dtype=torch.float64), torch.tensor([0.6, 0.8], dtype=torch.float64)
    assert relative_difference(zero, zero) == 0
    assert math.isnan(relative_difference(one, zero))
    assert relative_difference(zero, one) == pytest.approx(1)
    assert relative_difference(3 * one, one) == pytest.approx(2)


def test_relative_differences_are_0_if_all_gradients_are_0() -> None:
    # All trajectories of one length earn the same: minus their average, nothing is left.
    variants = {"average": Variant(returns="total", baseline="average_reward", policy=SMALL)}
    found = rows_of(job_of(IdentityExperiment, Environment(id="CartPole-v1", horizon=5), variants)).iloc[0]
    assert found["explicit_difference"] == found["imitation_difference"] == 0


def test_a_variants_rows_do_not_depend_on_the_others() -> None:
    more = rows_with("pendulum", plain=Variant(policy=SMALL, batch=4))
    pd.testing.assert_frame_equal(more[more["variant"] != "plain"].reset_index(drop=True), rows("pendulum"))
    plain, total = (more.loc[more["variant"] == name, "backward_passes"].tolist() for name in ("plain", "total"))
    assert plain == total, "the same network and N: the same batch"


@pytest.mark.parametrize("spaces", SPACES)
def test_imitation_is_compared_in_every_parameter_of_the_mean(spaces: Spaces) -> None:
    class Wrong(Forms):
        place = 0

        def of_surrogate(self, weights: torch.Tensor) -> torch.Tensor:
            found = super().of_surrogate(weights).clone()
            found[self.place] += 1
            return found

    policy = random_policy(LINEAR, spaces, 0)
    forms = Wrong(policy, Variant(), batch(spaces))
    for place in range(len(policy.theta)):
        Wrong.place = place
        assert (forms.imitation_difference(forms.weights) > 0.01) == (place < len(policy.network))
