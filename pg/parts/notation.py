r"""LaTeX symbols for equations.

The notation is the lecture's: trajectories i = 1, …, N, time steps from 1, rewards $r(s_{i,t}, a_{i,t})$. A trajectory
that ends early, after $T_i$ steps, has neither scores nor rewards after that. θ collected the data; θ' is the policy
that is improved, if data are reused or weighted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pg.parts.variant import Variant

VALUE = r"V_t(s_{i,t})"
NORMALISED = r"\frac{A_{i,t} - \bar{A}}{\sigma_A}"


def subscript(policy: str) -> str:
    """Write a policy as the index of ∇ or π: in braces if it is more than one letter."""
    return policy if policy == r"\theta" else f"{{{policy}}}"


def probability(policy: str, trajectory: str, time: str = "t") -> str:
    """Write the probability of the action that a trajectory took at a step."""
    return rf"\pi_{subscript(policy)}(\mathbf{{a}}_{{{trajectory},{time}}} \mid \mathbf{{s}}_{{{trajectory},{time}}})"


def behaviour(variant: Variant, trajectory: str) -> str:
    """Write what the ratio of step t divides by: the probability under the policy that collected the trajectory."""
    if variant.window is None or variant.batches == 1:
        return probability(r"\theta", trajectory)
    return variant.window.probability(trajectory)


def score(trajectory: str, policy: str = r"\theta") -> str:
    """Write the gradient of the log-probability of the action at step t."""
    return rf"\nabla_{subscript(policy)} \log {probability(policy, trajectory)}"


def reward(trajectory: str, time: str) -> str:
    """Write the reward of a step."""
    return rf"r(\mathbf{{s}}_{{{trajectory},{time}}}, \mathbf{{a}}_{{{trajectory},{time}}})"


def total(variant: Variant, trajectory: str, time: str) -> str:
    """Write the total return of a trajectory, summed over `time`."""
    discount = "" if variant.discount == 1 else rf"\gamma^{{{time}-1}} \, "
    return rf"\sum_{{{time}=1}}^{{T}} {discount}{reward(trajectory, time)}"


def to_go(variant: Variant, trajectory: str, weight: str = "") -> str:
    """Write the reward-to-go of step t, with a weight for each reward if one is given."""
    discount = "" if variant.discount == 1 else r"\gamma^{t'-t} \, "
    weighted = rf"{weight} \, " if weight else ""
    return rf"\sum_{{t'=t}}^{{T}} {discount}{weighted}" + reward(trajectory, "t'")


def mean_of_others(variant: Variant, condition: str = "") -> str:
    """Write the mean over the trajectories j other than i, with a further condition on j; its terms follow."""
    if variant.batches == 1:
        return rf"\frac{{1}}{{N-1}} \sum_{{j \neq i{condition}}}"
    others = r"B_k \setminus \{i\}"
    return rf"\frac{{1}}{{\omega}} \sum_{{k=1}}^{{\omega}} \frac{{1}}{{|{others}|}} \sum_{{j \in {others}{condition}}}"


def advantage(variant: Variant) -> str:
    """Write the return minus the baseline."""
    symbol = variant.baseline.symbol
    return variant.returns.formula(variant, "i") + (f" - {symbol}" if symbol else "")


def scaled_advantage(variant: Variant) -> str:
    """Write the advantage that multiplies a score, without importance weights of single rewards."""
    return NORMALISED if variant.normalise_advantages else rf"\left( {advantage(variant)} \right)"


def scaled(variant: Variant, weight: str) -> str:
    """Divide by the advantages' standard deviation where the variant normalises them."""
    return rf"\frac{{1}}{{\sigma_A}} {weight}" if variant.normalise_advantages else weight
