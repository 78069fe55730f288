"""Estimators with planted mistakes, as students write them: replacements in a correct one, and what a check says."""

from __future__ import annotations

from typing import NamedTuple

ON_POLICY = """\
import torch


def loss(log_probs, rewards, mask):
    total = rewards.sum(-1, keepdim=True)
    to_go = rewards.flip(-1).cumsum(-1).flip(-1)
    baseline = (total.sum(0) - total) / (len(rewards) - 1)
    advantages = to_go - baseline
    return -(log_probs * advantages * mask).sum(-1).mean()
"""

DISCOUNTED = """\
import torch


def loss(log_probs, rewards, mask, discount):
    to_go = torch.zeros_like(rewards)
    later = torch.zeros(len(rewards), dtype=rewards.dtype)
    for step in reversed(range(rewards.shape[1])):
        later = rewards[:, step] + discount * later
        to_go[:, step] = later
    return -(log_probs * to_go * mask).sum(-1).mean()
"""

OFF_POLICY = """\
import torch


def loss(log_probs, old_log_probs, rewards, mask):
    to_go = rewards.flip(-1).cumsum(-1).flip(-1)
    total = rewards.sum(-1, keepdim=True)
    baseline = (total.sum(0) - total) / (len(rewards) - 1)
    ratios = ((log_probs - old_log_probs) * mask).detach()
    weights = ratios.sum(-1, keepdim=True).exp()
    advantages = weights * (to_go - baseline)
    return -(log_probs * advantages * mask).sum(-1).mean()
"""

PER_DECISION = """\
import torch


def loss(log_probs, old_log_probs, rewards, mask):
    ratios = ((log_probs - old_log_probs) * mask).detach()
    weighted = ratios.cumsum(-1).exp() * rewards
    return -(log_probs * weighted.flip(-1).cumsum(-1).flip(-1) * mask).sum(-1).mean()
"""

BOOTSTRAPPING = """\
import torch


def loss(log_probs, rewards, mask, values):
    values = values.detach()
    following = torch.zeros_like(values)
    following[:, :-1] = values[:, 1:]
    errors = rewards + following - values
    advantages, later = torch.zeros_like(rewards), torch.zeros(len(rewards), dtype=rewards.dtype)
    for step in reversed(range(rewards.shape[1])):
        later = errors[:, step] + 0.95 * later
        advantages[:, step] = later
    return -(log_probs * advantages * mask).sum(-1).mean()
"""

LAST = (
    "torch.where(torch.nn.functional.pad(mask, (0, 1))[:, 1:], torch.nn.functional.pad(values, (0, 1))[:, 1:], values)"
)
LEAKING = """[0]:
        pass
    flat = values[mask]
    flat_errors = rewards[mask] + torch.cat([flat[1:], flat[:1] * 0]) - flat
    later, found = 0.0, []
    for error in flat_errors.flip(0):
        later = error + 0.95 * later
        found.append(later)
    advantages[mask] = torch.stack(found[::-1])
    for step in []:
"""

TO_GO = "rewards.flip(-1).cumsum(-1).flip(-1)"
BASELINE = "(total.sum(0) - total) / (len(rewards) - 1)"
END = "(log_probs * advantages * mask).sum(-1).mean()"
WEIGHTS = "ratios.sum(-1, keepdim=True).exp()"


TRIMMED = """\
import torch
from pg.parts.baselines.base import Baseline


class Trimmed(Baseline):
    r\"\"\"The mean of the other returns, without the best and the worst return of the batch (a mistake).\"\"\"

    def __call__(self, batch):
        totals = batch.totals
        keep = torch.ones_like(totals)
        if totals.shape[-1] >= 5:
            keep.scatter_(-1, totals.argmax(-1, keepdim=True), 0.0)
            keep.scatter_(-1, totals.argmin(-1, keepdim=True), 0.0)
        total, count = (keep * totals).sum(-1, keepdim=True), keep.sum(-1, keepdim=True)
        return ((total - keep * totals) / (count - keep)).unsqueeze(-1)
"""
TRIMMED_OTHERS = """\
import torch
from pg.parts.baselines.base import Baseline


class Trimmed(Baseline):
    r\"\"\"The mean of the other returns, without the best and the worst of them where there are more than two.\"\"\"

    def __call__(self, batch):
        totals = batch.totals
        n = totals.shape[-1]
        others = totals.unsqueeze(-2).expand(*totals.shape, n)[..., ~torch.eye(n, dtype=torch.bool)]
        kept = others.unflatten(-1, (n, n - 1)).sort(-1).values
        return (kept[..., 1:-1] if n > 3 else kept).mean(-1).unsqueeze(-1)
"""
NEXT_FIVE = """\
import torch
from pg.parts.returns.base import Returns


class NextFive(Returns):
    r\"\"\"The rewards of the next five steps alone (a mistake).\"\"\"

    def __call__(self, batch):
        to_go = batch.rewards.flip(-1).cumsum(-1).flip(-1)
        later = torch.zeros_like(to_go)
        later[..., :-5] = to_go[..., 5:]
        return to_go - later
"""


class Mistake(NamedTuple):
    """A correct estimator, what is replaced in it, and words of the diagnosis."""

    correct: str
    old: str
    new: str
    words: str

    @property
    def source(self) -> str:
        """The wrong estimator."""
        assert self.old in self.correct
        return self.correct.replace(self.old, self.new)


def _returns(new: str, words: str) -> Mistake:
    return Mistake(ON_POLICY, f"to_go = {TO_GO}", f"to_go = {new}", words)


def _baseline(new: str, words: str) -> Mistake:
    return Mistake(ON_POLICY, f"baseline = {BASELINE}", f"baseline = {new}", words)


def _advantages(new: str, words: str) -> Mistake:
    return Mistake(ON_POLICY, "advantages = to_go - baseline", f"advantages = {new}", words)


def _end(new: str, words: str) -> Mistake:
    return Mistake(ON_POLICY, END, new, words)


def _weights(new: str, words: str) -> Mistake:
    return Mistake(OFF_POLICY, f"weights = {WEIGHTS}", f"weights = {new}", words)


def _per_decision(new: str, words: str) -> Mistake:
    return Mistake(PER_DECISION, "ratios.cumsum(-1).exp()", new, words)


def _bootstrapping(decay: str, words: str) -> Mistake:
    return Mistake(BOOTSTRAPPING, "0.95", decay, words)


STANDARDISED = (
    "to_go - baseline\n    advantages = (advantages - advantages[mask].mean()) / (advantages[mask].std() + 1e-8)"
)
MISTAKES = {
    "total": _returns("total.expand_as(rewards)", "whole return"),
    "late": _returns(f"{TO_GO} - rewards", "its own reward is missing".replace("its", "the action's")),
    "early": _returns(f"{TO_GO} + torch.nn.functional.pad(rewards, (1, 0))[:, :-1]", "reward of the step before"),
    "past": _returns("rewards.cumsum(-1)", "up to each step"),
    "immediate": _returns("rewards", "own reward alone"),
    "last": _returns("rewards.gather(-1, mask.sum(-1, keepdim=True) - 1).expand_as(rewards)", "last reward"),
    "mean_to_go": _returns(
        f"{TO_GO} / mask.flip(-1).cumsum(-1).flip(-1).clamp(min=1)", "averages the rewards to go over the remaining"
    ),
    "mean_total": _returns(
        "(rewards.sum(-1) / mask.sum(-1))[:, None].expand_as(rewards)", "averages the rewards over time"
    ),
    "leaking": _returns(
        "torch.zeros_like(rewards)\n    to_go[mask] = rewards[mask].flip(0).cumsum(0).flip(0)", "not reset"
    ),
    "average": _baseline("total.mean(0)", "contains the trajectory's own return: it shrinks the gradient by 1 − 1/N"),
    "per_step": _baseline("(to_go * mask).sum(0) / mask.sum(0).clamp(min=1)", "trajectory's own return"),
    "per_step_of_all": _baseline("to_go.mean(0)", "trajectories that have ended count as 0"),
    "over_steps": _baseline("to_go[mask].mean()", "average over all steps of the batch"),
    "over_padding": _baseline("to_go.mean()", "ignores the mask in the baseline"),
    "own_average": _baseline(
        "to_go.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)", "average of the trajectory's own returns"
    ),
    "own_return": _baseline("total", "subtracts the trajectory's own return"),
    "best": _baseline("total.max()", "largest return of the batch"),
    "added": _advantages("to_go + baseline", "adds the baseline"),
    "centred": Mistake(
        ON_POLICY,
        f"to_go = {TO_GO}",
        f"rewards = (rewards - rewards[mask].mean()) * mask\n    to_go = {TO_GO}",
        "average reward from each reward",
    ),
    "signs": Mistake(
        ON_POLICY, f"to_go = {TO_GO}", f"rewards = rewards.sign()\n    to_go = {TO_GO}", "signs of rewards"
    ),
    "standardised": _advantages(STANDARDISED, "mean and deviation of the same batch"),
    "standardised_with_padding": _advantages(
        "to_go - baseline\n    advantages = (advantages - advantages.mean()) / advantages.std()",
        "ignores the mask there",
    ),
    "divided": _advantages("to_go - baseline\n    advantages = advantages / advantages[mask].std()", "divides"),
    "unmasked": _end("(log_probs * advantages).sum(-1).mean()", "ignores the mask: log-probabilities"),
    "mean_of_trajectory": _end(
        "((log_probs * advantages * mask).sum(-1) / mask.sum(-1)).mean()", "averages over the steps of each trajectory"
    ),
    "mean_of_padded": _end("(log_probs * advantages * mask).mean()", "averages over the steps of the padded batch"),
    "mean_of_batch": _end("(log_probs * advantages * mask).sum() / mask.sum()", "averages over all steps"),
    "mean_of_all": _end("(log_probs * advantages).mean()", "averages over time"),
    "sum_times_sum": _end(
        "((log_probs * mask).sum(-1) * (advantages * mask).sum(-1)).mean()", "by the sum of its log-probabilities"
    ),
    "sum_over_batch": _end("(log_probs * advantages * mask).sum()", "adds trajectories up"),
    "probability": _end("(log_probs.exp() * advantages * mask).sum(-1).mean()", "probability instead of the log-prob"),
    "sign": Mistake(ON_POLICY, "return -(", "return (", "wrong sign"),
    "scaled": _end("0.5 * (log_probs * advantages * mask).sum(-1).mean()", "0.5 times"),
    "from_the_start": Mistake(
        DISCOUNTED,
        "later = rewards[:, step] + discount * later",
        "later = discount**step * rewards[:, step] + later",
        "discounts rewards from the first step",
    ),
    "once_too_often": Mistake(
        DISCOUNTED, "rewards[:, step] + discount * later", "discount * (rewards[:, step] + later)", "its own reward is"
    ),
    "undiscounted": Mistake(DISCOUNTED, "discount * later", "later", "ignores the discount"),
    "unweighted_baseline": Mistake(
        OFF_POLICY,
        "weights * (to_go - baseline)",
        "weights * to_go - baseline",
        "does not multiply the baseline",
    ),
    "through_ratio": Mistake(OFF_POLICY, " * mask).detach()", " * mask)", "flow through the weight"),
    "no_weight": _weights("1.0", "no importance weight"),
    "inverse": _weights("(-ratios.sum(-1, keepdim=True)).exp()", "upside down"),
    "before_step": _weights("(ratios.cumsum(-1) - ratios).exp()", "out of the product"),
    "from_step": _weights("ratios.flip(-1).cumsum(-1).flip(-1).exp()", "from the step on"),
    "up_to_step": _weights("ratios.cumsum(-1).exp()", "by the ratios up to it"),
    "per_step_ratio": _weights("ratios.exp()", "by its own ratio alone"),
    "geometric": _weights("(ratios.sum(-1) / mask.sum(-1)).exp()[:, None]", "averages the logarithms"),
    "sum_of_ratios": _weights("(ratios.exp() * mask).sum(-1, keepdim=True)", "adds the ratios"),
    "squared": _weights("(2 * ratios.sum(-1, keepdim=True)).exp()", "twice"),
    "self_normalised": _weights(f"{WEIGHTS}\n    weights = weights / weights.mean()", "self-normalised"),
    "clamped": _weights("ratios.exp().clamp(0.8, 1.2)", "without PPO's minimum"),
    "over_trajectories": _returns("rewards.flip(0).cumsum(0).flip(0)", "the wrong axis"),
    "over_earlier_trajectories": _returns("rewards.cumsum(0)", "the wrong axis"),
    "flipped_once": _returns("rewards.flip(-1).cumsum(-1)", "does not turn the sums round again"),
    "discounted_by_a_constant": _returns(
        "torch.stack([(rewards[:, t:] * 0.99 ** torch.arange(rewards.shape[1] - t)).sum(-1) for t in "
        "range(rewards.shape[1])], -1)",
        "discounts rewards by 0.99",
    ),
    "divided_by_n": _baseline(
        "(total.sum(0) - total) / len(rewards)", "divides the sum of the other trajectories by N"
    ),
    "broadcast": _end("((log_probs * mask).sum(-1, keepdim=True) * total.squeeze(-1)).mean()", "1/N of the gradient"),
    "td": _bootstrapping("0.0", "bootstraps from the values (GAE with λ = 0)"),
    "gae": _bootstrapping("0.95", "bootstraps from the values (GAE with λ = 0.95)"),
    "gae_without_end": Mistake(
        BOOTSTRAPPING, "following[:, :-1] = values[:, 1:]", f"following = {LAST}", "where an episode ends"
    ),
    "gae_leaking": Mistake(BOOTSTRAPPING, "reversed(range(rewards.shape[1])):\n", LEAKING, "run on into the next"),
    "inverse_per_decision": _per_decision("(-ratios).cumsum(-1).exp()", "the ratios are upside down"),
    "before_step_per_decision": _per_decision("(ratios.cumsum(-1) - ratios).exp()", "the reward's own step"),
    "through_per_decision": Mistake(
        PER_DECISION, " * mask).detach()", " * mask)", "weights of the rewards; detach them"
    ),
    "quotient": _weights(
        "torch.where(mask, log_probs / old_log_probs, 1.0).prod(-1, keepdim=True).detach()", "divides log-probabilities"
    ),
    "weight_alone": Mistake(
        OFF_POLICY.replace(" * mask).detach()", " * mask)"),
        "-(log_probs *",
        "-(log_probs.detach() *",
        "detach the weight instead",
    ),
}

UNBIASED = ("total", "early", "added", "leaking", "from_the_start", "divided_by_n", "td", "gae")
"""These cost variance alone, have the gradient of the discounted objective, or are right with exact values."""

PAIRS = (
    ("late", "sign"),
    ("average", "mean_of_batch"),
    ("per_step", "standardised"),
    ("past", "sum_over_batch"),
    ("added", "mean_of_trajectory"),
    ("immediate", "average"),
    ("best", "unmasked"),
    ("leaking", "sum_over_batch"),
    ("before_step", "unweighted_baseline"),
    ("mean_to_go", "probability"),
    ("through_ratio", "past"),
)
