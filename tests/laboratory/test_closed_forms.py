r"""Measured gradients, variances and expected returns against closed forms.

The estimate of N trajectories is the mean of $A_i - b B_i$, with $A = B R$ and
$B = \sum_t \nabla \log \pi(a_t \mid s_t)$.
"""

import pytest
import torch
from pg.core.trajectories import Spaces, on_valid_steps
from pg.environments.enumeration import Enumeration, enumerate_trajectories
from pg.environments.exact import objective, policy_gradient_theorem
from pg.environments.jacket_folding import jacket_folding
from pg.environments.mdp import MDP
from pg.environments.small_mdps import bandit, chain, corridor, random_mdp
from pg.experiments.exact.measure import central_differences
from pg.laboratory.frozen import random_policy
from pg.laboratory.reference import truth
from pg.learning.policies import Policy, flatten, repeat, stacked
from pg.learning.tabular import action_probabilities
from pg.parts.variant import PolicyOptions, Variant
from tests.laboratory.pairs import moments, probabilities

LIMIT = 30_000
LINEAR = PolicyOptions(hidden=())
NETWORKS = {"linear": LINEAR, "MLP": PolicyOptions(hidden=(5, 4))}
MDPS = {
    "bandit": bandit(1),
    "chain": chain(5, length=3, slip=0.2),
    "corridor": corridor(12),
    "jacket": jacket_folding(4),
    "random": random_mdp(6, states=4, actions=3, seed=1),
}
CHANCES = [0.1, 0.35, 0.5, 0.6, 2 / 3, 0.7, 0.95]


def choosing(*chances: float) -> Policy:
    """Return a linear policy with the same given probabilities in every state."""
    policy = Policy(LINEAR, Spaces(1, len(chances)), torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        weights, biases = policy.affine[0]
        biases.copy_(torch.tensor(chances, dtype=torch.float64).log() - weights[0])
    return policy


def variance(enumeration: Enumeration, policy: Policy, n: int, constant: float | None = None) -> float:
    """Compute tr Cov of the estimate with total returns."""
    baseline = "none" if constant is None else {"name": "constant", "value": constant}
    variant = Variant(returns="total", baseline=baseline, batch=n)
    return moments(enumeration, policy, variant, LIMIT).total_variance


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS.keys())
def test_autodiff_theorem_and_central_differences_agree(mdp: MDP, network: PolicyOptions) -> None:
    policy = random_policy(network, mdp.spaces, seed=2)
    by_autodiff = truth(mdp, policy).gradient
    copy = repeat(policy, 1)
    table = action_probabilities(copy, mdp)
    chain_rule = torch.autograd.grad(table, copy.parameters_list(), policy_gradient_theorem(mdp, table))
    by_theorem = flatten(chain_rule).squeeze(0)
    assert (by_theorem - by_autodiff).norm() < 1e-10 * by_autodiff.norm()
    assert (central_differences(mdp, policy) - by_autodiff).norm() < 1e-6 * by_autodiff.norm()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("constant", [None, -0.5, 0.3, 1.0])
@pytest.mark.parametrize("p", CHANCES)
def test_variance_of_a_two_armed_bandit(p: float, constant: float | None, n: int) -> None:
    r"""The good arm pays 1 and is pulled with chance p. Each of four parameters varies by p(1-p)(1-p-b)^2 / N.

    In the logit of the good arm the score is 1-p for the good arm and -p for the bad one: (1-b)(1-p) and bp are drawn,
    which differ by 1-p-b. In the other logit it is the negative, and weight and bias of a logit share its derivative.
    Without a baseline, b = 0, this is p(1-p)^3 / N; the best constant is the probability of the bad arm.
    """
    enumeration, policy = enumerate_trajectories(bandit(1), LIMIT), choosing(p, 1 - p)
    found = variance(enumeration, policy, n, constant)
    known = p * (1 - p) ** 3 if constant is None else p * (1 - p) * (1 - p - constant) ** 2
    assert found == pytest.approx(4 * known / n, rel=1e-10)
    assert variance(enumeration, policy, n, 1 - p) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("p", CHANCES)
def test_average_reward_raises_variance_above_two_thirds(p: float) -> None:
    r"""$(1-2p)^2$ exceeds $(1-p)^2$ if and only if $3p > 2$."""
    enumeration, policy = enumerate_trajectories(bandit(1), LIMIT), choosing(p, 1 - p)
    without, averaged = variance(enumeration, policy, 1), variance(enumeration, policy, 1, constant=p)
    if p == 2 / 3:
        assert averaged == pytest.approx(without, rel=1e-10)
    else:
        assert (averaged > without) == (p > 2 / 3)


def return_in_the_corridor(p: float) -> float:
    policy = choosing(1 - p, p)
    mdp = corridor(3_000)
    return objective(mdp, action_probabilities(stacked(policy), mdp)).item()


@pytest.mark.parametrize("p", [0.1, 0.35, 0.5, 0.6, 0.9])
def test_return_in_the_corridor(p: float) -> None:
    r"""With m steps to go from the middle state and l from the last one, the first has m + 1/p.

    m = 1 + p(m + 1/p) + (1-p) l and l = 1 + (1-p) m give m + 1/p = 2(2-p) / (p(1-p)).
    """
    assert return_in_the_corridor(p) == pytest.approx(-2 * (2 - p) / (p * (1 - p)), rel=1e-10)


def test_the_best_chance_of_going_right_in_the_corridor() -> None:
    r"""It is $2 - \sqrt 2$, and needs $6 + 4 \sqrt 2$ steps (Sutton & Barto 2018, figure of example 13.1)."""
    best = 2 - 2**0.5
    mdp, policy = corridor(3_000), choosing(1 - best, best)
    found = truth(mdp, policy)
    assert found.objective == pytest.approx(-6 - 4 * 2**0.5, rel=1e-10)
    assert found.gradient.norm() < 1e-10
    assert all(return_in_the_corridor(p) < found.objective for p in (best - 0.01, best + 0.01))


def scores(policy: Policy, enumeration: Enumeration) -> torch.Tensor:
    """Differentiate each trajectory's log-likelihood separately: (M, D)."""
    log_probs = on_valid_steps(policy.log_prob, enumeration.trajectories).sum(-1)[0]
    return torch.stack([torch.autograd.grad(one, policy.theta, retain_graph=True)[0] for one in log_probs])


@pytest.mark.parametrize(
    "mdp",
    [chain(4, length=2, slip=0), random_mdp(2, states=2, seed=4), corridor(6), jacket_folding(2)],
    ids=["chain", "random", "corridor", "jacket"],
)
@pytest.mark.parametrize("n", [1, 2])
def test_variance_is_a_parabola_in_the_constant(mdp: MDP, n: int) -> None:
    r"""Var(b) = Var(b*) + E‖B‖² (b - b*)² / N, with b* = E[R‖B‖²] / E‖B‖².

    The N trajectories are independent and E[B] = 0: N Var(b) is E‖A‖² - 2b E<A,B> + b² E‖B‖² - ‖∇J‖².
    """
    enumeration = enumerate_trajectories(mdp, LIMIT)
    policy = random_policy(LINEAR, mdp.spaces, seed=3)
    chances = probabilities(enumeration, policy)
    squared = scores(policy, enumeration).square().sum(-1)
    curvature = (chances @ squared).item()
    best = (chances @ (squared * enumeration.trajectories.returns[0])).item() / curvature
    lowest = variance(enumeration, policy, n, best)
    for constant in (-1.5, 0.0, best + 0.01, 2.0):
        known = lowest + curvature / n * (constant - best) ** 2
        assert variance(enumeration, policy, n, constant) == pytest.approx(known, rel=1e-10)
    assert variance(enumeration, policy, n) == pytest.approx(lowest + curvature / n * best**2, rel=1e-10)
