r"""The symbols that equations are made of.

The notation is the lecture's: trajectories i = 1, …, N, time steps from 1, rewards $r(s_{i,t}, a_{i,t})$. A trajectory
that ends early, after $T_i$ steps, has neither scores nor rewards behind its end. θ collected the data; where these
serve more than one step or are weighted, θ' is the policy that is being improved.
"""

from __future__ import annotations

from pg.parts.variant import Variant

VALUE = r"V_t(s_{i,t})"

BASELINE_SYMBOL = {
    "none": "",
    "constant": "b",
    "average_reward": "b",
    "leave_one_out": "b_i",
    "per_step": "b_t",
    "per_step_leave_one_out": "b_{i,t}",
    "optimal": "b_i",
    "value_network": VALUE,
    "exact": VALUE,
}


def subscript(policy: str) -> str:
    """Write a policy as the index of ∇ or π: braces where it is more than one letter."""
    return policy if policy == r"\theta" else f"{{{policy}}}"


def probability(policy: str, trajectory: str) -> str:
    """Write the probability of the action that a trajectory took at step t."""
    return rf"\pi_{subscript(policy)}(\mathbf{{a}}_{{{trajectory},t}} \mid \mathbf{{s}}_{{{trajectory},t}})"


def score(trajectory: str, policy: str = r"\theta") -> str:
    """Write the gradient of the log-probability of the action at step t."""
    return rf"\nabla_{subscript(policy)} \log {probability(policy, trajectory)}"


def plain_ratio(variant: Variant, trajectory: str, time: str) -> str:
    """Write an importance weight before it is cut or normalised."""
    letter = r"\rho" if variant.importance == "per_step" else "w"
    return rf"{letter}_{trajectory}" if variant.importance == "trajectory" else rf"{letter}_{{{trajectory},{time}}}"


def ratio(variant: Variant, trajectory: str, time: str) -> str:
    """Write an importance weight as it is used."""
    plain = plain_ratio(variant, trajectory, time)
    if variant.truncate_at is None and not variant.self_normalised:
        return plain
    letter, index = plain.split("_")
    return rf"\tilde{{{letter}}}_{index}"


def reward(trajectory: str, time: str) -> str:
    """Write the reward of a step."""
    return rf"r(\mathbf{{s}}_{{{trajectory},{time}}}, \mathbf{{a}}_{{{trajectory},{time}}})"


def total(variant: Variant, trajectory: str, time: str) -> str:
    """Write the total return of a trajectory, summed over `time`."""
    discount = "" if variant.discount == 1 else rf"\gamma^{{{time}-1}} \, "
    return rf"\sum_{{{time}=1}}^{{T}} {discount}{reward(trajectory, time)}"


def to_go(variant: Variant, trajectory: str) -> str:
    """Write the reward-to-go of step t."""
    discount = "" if variant.discount == 1 else r"\gamma^{t'-t} \, "
    earned = reward(trajectory, "t'")
    return rf"\sum_{{t'=t}}^{{T}} {discount}{earned}"


def return_(variant: Variant, trajectory: str) -> str:
    """Write what weights the score at step t."""
    if variant.returns == "gae":
        return rf"G^\lambda_{{{trajectory},t}}"
    return total(variant, trajectory, "t'") if variant.returns == "total" else to_go(variant, trajectory)


def advantage(variant: Variant) -> str:
    """Write the return less the baseline."""
    symbol = BASELINE_SYMBOL[variant.baseline]
    return return_(variant, "i") + (f" - {symbol}" if symbol else "")
