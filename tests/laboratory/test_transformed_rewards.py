r"""Exact effects of scale, offset, shaping and payment on gradient estimates, by enumeration of all batches.

With an offset c every estimator here is $\hat g + c \bar D$ with $\bar D = \frac{1}{N} \sum_i D_i$, where $D_i$ is what
a reward of 1 on every step adds to trajectory i's term. So $\operatorname{tr Cov} = A + Bc + Cc^2$ with
$A = \operatorname{tr Cov}(\hat g)$, $B = 2 \operatorname{tr Cov}(\hat g, \bar D)$, $C = \operatorname{tr Cov}(D) / N$.
Where every trajectory takes T steps, $D = T \sum_t \psi_t$ for the total return, $\sum_t (T - t) \psi_t$ for the
reward-to-go, $-\sum_t t \psi_t$ for the reward-to-go less the mean return, and 0 for the total return less the mean
return and for the reward-to-go less the mean per step.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.catalogue import mdp_of
from pg.environments.copies import make_environments
from pg.environments.enumeration import Enumeration, enumerate_paid
from pg.environments.mdp import MDP
from pg.environments.record import Environment, Rewards
from pg.experiments.exact.record import ExactExperiment
from pg.experiments.horizon.record import HorizonExperiment
from pg.experiments.probe.record import ProbeExperiment
from pg.laboratory.frozen import generators_of, in_float64, random_policy, sample
from pg.laboratory.gradients import batch_gradients
from pg.laboratory.job import Sample
from pg.laboratory.reference import truth
from pg.learning.policies import Policy, flatten, repeat, stacked
from pg.learning.tabular import action_probabilities, state_values
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import probabilities

LIMIT = 30_000
LINEAR = PolicyOptions(hidden=())
T, N = 3, 2
FIXED = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 1, "termination": 0.0}, horizon=T)
VARYING = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 4}, horizon=2)
POTENTIALS = (0.7, -1.9)
OFFSETS = (-3.0, -0.5, 0.8, 6.0)
PAID = ("when_earned", "at_end")


def paying(environment: Environment, **options: Any) -> Environment:
    return environment.model_copy(update={"rewards": Rewards(**options)})


def policy_of(environment: Environment, seed: int = 1) -> Policy:
    return random_policy(LINEAR, tables_of(environment).spaces, seed)


def tables_of(environment: Environment) -> MDP:
    mdp = mdp_of(environment)
    assert mdp is not None
    return mdp


def by_variant(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["variant"]): {str(key): value for key, value in row.items()} for row in frame.to_dict("records")}


def rows(environment: Environment, **variants: Variant) -> dict[str, dict[str, Any]]:
    return by_variant(rows_of(job_of(ExactExperiment, environment, variants, 1, limit=LIMIT)))


def variant(returns: str, baseline: str = "none", batch: int = N) -> Variant:
    return Variant(returns=returns, baseline=baseline, batch=batch, policy=LINEAR)


def weighted_scores(policy: Policy, every: Enumeration, weights: torch.Tensor) -> torch.Tensor:
    r"""Sum $\psi_t$ with weights (M, T), for each of M trajectories: (M, D), by autograd alone."""
    found, copies = every.trajectories, repeat(policy, len(weights))
    log_probs = copies.log_prob(found.observations[0], found.actions[0])
    total = (log_probs * weights * found.mask[0]).sum()
    return flatten(torch.autograd.grad(total, copies.parameters_list()))


def to_go(rewards: torch.Tensor) -> torch.Tensor:
    return rewards.flip(-1).cumsum(-1).flip(-1)


def polynomial(returns: str, *, less_mean_return: bool) -> tuple[float, float, float]:
    """Predict B and C, and A but for the in-sample mean, from the moments of single trajectories; E[D] is 0."""
    policy, every = policy_of(FIXED), enumerate_paid(FIXED, LIMIT)
    mean, rewards = probabilities(every, policy).matmul, every.trajectories.rewards[0]
    steps, ones = torch.arange(T, dtype=torch.float64), torch.ones_like(rewards)
    total = rewards.sum(-1, keepdim=True) * ones
    earned = total if returns == "total" else to_go(rewards)
    a, psi = weighted_scores(policy, every, earned), weighted_scores(policy, every, ones)
    remaining = T - steps if returns == "to_go" else torch.full((T,), float(T))
    added = remaining - T if less_mean_return else remaining
    d = weighted_scores(policy, every, added * ones)
    along = mean((a * d).sum(-1))
    variance = (mean(a.square().sum(-1)) - mean(a).square().sum()).item() / N
    if less_mean_return:
        # The in-sample mean holds the trajectory's own return, and those of the N − 1 others.
        own = weighted_scores(policy, every, total)
        mean_return, aligned = mean(total[:, 0]), mean((psi * d).sum(-1))
        along -= mean((own * d).sum(-1)) / N + (1 - 1 / N) * mean_return * aligned
        variance = rows(FIXED, one=variant(returns, "average_reward"))["one"]["total_variance"]
    return variance, (2 * along / N).item(), (mean(d.square().sum(-1)) / N).item()


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(("returns", "baseline"), [("total", "none"), ("to_go", "none"), ("to_go", "average_reward")])
def test_offset_changes_the_variance_by_the_polynomial(returns: str, baseline: str, offset: float) -> None:
    a, b, c = polynomial(returns, less_mean_return=baseline == "average_reward")
    assert c > 0.1
    found = rows(paying(FIXED, offset=offset), one=variant(returns, baseline))["one"]
    expected = a + b * offset + c * offset**2
    assert found["total_variance"] == pytest.approx(expected, rel=1e-10)
    assert abs(found["total_variance"] / a - 1) > 0.01


@pytest.mark.parametrize(
    ("returns", "baseline"),
    [
        ("total", "average_reward"),
        ("total", "leave_one_out"),
        ("to_go", "per_step"),
        ("to_go", "per_step_leave_one_out"),
        ("to_go", "exact"),
    ],
)
def test_baseline_cancels_an_offset(returns: str, baseline: str) -> None:
    plain, moved = (rows(paying(FIXED, offset=c), one=variant(returns, baseline))["one"] for c in (0.0, 7.0))
    assert moved["total_variance"] == pytest.approx(plain["total_variance"], rel=1e-10)


@pytest.mark.parametrize("baseline", ["none", "average_reward"])
def test_a_scale_multiplies_gradient_and_deviation(baseline: str) -> None:
    plain, scaled = (rows(paying(VARYING, scale=c), one=variant("to_go", baseline))["one"] for c in (1.0, 5.0))
    assert scaled["gradient_norm"] == pytest.approx(5 * plain["gradient_norm"], rel=1e-12)
    assert scaled["total_variance"] == pytest.approx(25 * plain["total_variance"], rel=1e-10)


@pytest.mark.parametrize("options", [{}, {"shaping": POTENTIALS}], ids=["earned", "shaped"])
@pytest.mark.parametrize("environment", [FIXED, VARYING], ids=["fixed", "varying"])
@pytest.mark.parametrize("returns", ["total", "to_go"])
def test_payment_at_the_end_leaves_objective_and_gradient(
    environment: Environment, returns: str, options: dict[str, Any]
) -> None:
    earned, late = (rows(paying(environment, paid=paid, **options), one=variant(returns))["one"] for paid in PAID)
    assert late["objective"] == pytest.approx(earned["objective"], rel=1e-12)
    assert late["gradient_norm"] == pytest.approx(earned["gradient_norm"], rel=1e-12)
    # The expectation with rewards paid at the end is the gradient with rewards paid as earned.
    assert late["relative_bias"] < 1e-10
    assert late["differences_bias"] < 1e-6


def test_paid_at_the_end_the_reward_to_go_is_the_total_return() -> None:
    late = paying(VARYING, paid="at_end")
    found = rows(late, total=variant("total"), to_go=variant("to_go"))
    assert found["to_go"]["total_variance"] == pytest.approx(found["total"]["total_variance"], rel=1e-12)
    earned = rows(VARYING, total=variant("total"), to_go=variant("to_go"))
    assert found["total"]["total_variance"] == pytest.approx(earned["total"]["total_variance"], rel=1e-12)
    assert abs(found["to_go"]["total_variance"] / earned["to_go"]["total_variance"] - 1) > 0.05


@pytest.mark.parametrize("environment", [FIXED, VARYING], ids=["fixed", "varying"])
def test_shaping_leaves_the_gradient_and_is_a_state_baseline(environment: Environment) -> None:
    policy, shaped = policy_of(environment), paying(environment, shaping=POTENTIALS)
    mdp = tables_of(environment)
    plain, other = truth(mdp, policy), truth(tables_of(shaped), policy)
    assert (plain.gradient - other.gradient).norm() < 1e-10 * plain.gradient.norm()
    assert plain.objective - other.objective == pytest.approx(mdp.start @ np.array(POTENTIALS), rel=1e-10)

    every = enumerate_paid(environment, LIMIT)
    states = every.trajectories.states
    assert states is not None
    baseline = torch.tensor(POTENTIALS, dtype=torch.float64)[states[0]]
    expected = weighted_scores(policy, every, to_go(every.trajectories.rewards[0]) - baseline)
    singles = enumerate_paid(shaped, LIMIT).trajectories.regrouped(1)
    found = batch_gradients(policy, variant("to_go", batch=1), singles)
    assert (found - expected).norm() < 1e-10 * expected.norm()


def test_values_as_potentials_equal_the_exact_baseline() -> None:
    """With the values of a one-step task as Φ the shaped reward is an advantage, and exact values are 0."""
    one_step = VARYING.model_copy(update={"horizon": 1})
    mdp, policy = tables_of(one_step), policy_of(one_step)
    potentials = (action_probabilities(stacked(policy), mdp)[0] * torch.as_tensor(mdp.expected_rewards_at(0))).sum(-1)
    shaped = paying(one_step, shaping=tuple(potentials.tolist()))
    found = rows(shaped, plain=variant("to_go"), exact=variant("to_go", "exact"))
    expected = rows(one_step, exact=variant("to_go", "exact"))["exact"]["total_variance"]
    assert found["plain"]["total_variance"] == pytest.approx(expected, rel=1e-10)
    assert found["exact"]["total_variance"] == pytest.approx(expected, rel=1e-10)
    assert found["plain"]["objective"] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("options", [{"offset": 2.0, "scale": 0.5}, {"shaping": POTENTIALS}, {"paid": "terminal_only"}])
def test_exact_values_are_of_the_paid_rewards(options: dict[str, Any]) -> None:
    environment = paying(VARYING, **options)
    every, policy = enumerate_paid(environment, LIMIT), policy_of(environment)
    values = state_values(policy, every.mdp, every.trajectories)[0]
    expected = probabilities(every, policy) @ values[:, 0]
    assert expected.item() == pytest.approx(truth(every.mdp, policy).objective, rel=1e-12)
    assert rows(environment, one=variant("to_go", "exact"))["one"]["relative_bias"] < 1e-10


def test_samples_have_the_transformed_rewards() -> None:
    environment = paying(FIXED, offset=3.0, paid="at_end")
    copies, policy = make_environments(environment, 64), policy_of(environment)
    found = in_float64(sample(copies, policy.float(), generators_of(0, "here"), environment.rewards))
    own = in_float64(sample(copies, policy, generators_of(0, "here"), Rewards()))
    torch.testing.assert_close(found.returns, own.returns + 3 * T)
    assert (found.rewards[..., :-1] == 0).all()
    assert (own.rewards[..., :-1] != 0).any()


def probed(environment: Environment) -> dict[str, dict[str, Any]]:
    variants = {"total": variant("total"), "to_go": variant("to_go"), "less": variant("total", "leave_one_out")}
    numbers = Sample(trajectories=64, batches=(4,), reference=32, reference_limit=32)
    return by_variant(rows_of(job_of(ProbeExperiment, environment, variants, 1, policy=LINEAR, sample=numbers)))


def test_probe_has_the_same_trajectories_for_all_rewards() -> None:
    plain, moved, late = (probed(paying(FIXED, **how)) for how in ({}, {"offset": 4.0}, {"paid": "at_end"}))
    assert moved["less"]["total_variance"] == pytest.approx(plain["less"]["total_variance"], rel=1e-4)
    assert moved["total"]["total_variance"] > 2 * plain["total"]["total_variance"]
    assert late["to_go"]["total_variance"] == pytest.approx(plain["total"]["total_variance"], rel=1e-4)
    assert late["to_go"]["squared_gradient"] == pytest.approx(plain["to_go"]["squared_gradient"], rel=1e-6)


def test_rewards_at_the_end_are_paid_at_a_shorter_horizon() -> None:
    """Paid at the end, reward-to-go and total return are one estimator at every horizon."""
    environment = paying(FIXED.model_copy(update={"horizon": 6}), paid="at_end")
    variants = {name: Variant(returns=name, importance="trajectory", batch=4) for name in ("total", "to_go")}
    options = {"horizons": (2, 6), "kl": 0.01, "trajectories": 32}
    job = job_of(HorizonExperiment, environment, variants, 1, policy=LINEAR, **options)
    for _, both in rows_of(job).groupby("horizon"):
        first, second = both["total_variance"]
        assert first == pytest.approx(second, rel=1e-12)
        assert first > 0
