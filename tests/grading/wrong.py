"""Wrong answers to the exercises of the lab: what is replaced in the solution, and the points that are lost."""

from __future__ import annotations

from typing import NamedTuple


class Wrong(NamedTuple):
    """A mistake in a solution, the properties that it has no points for, and words of the reason."""

    file: str
    old: str
    new: str
    lost: tuple[str, ...]
    words: str


_TO_GO = "(rewards * mask)[:, ::-1].cumsum(-1)[:, ::-1]"
_MINIMUM = "torch.minimum(ratios * advantages, ratios.clamp(0.8, 1.2) * advantages)"

WRONG = {
    "mean_over_time": Wrong("exercise_1.py", "sum(-1).mean()", "mean()", ("unbiased", "padding"), "averages over"),
    "sign": Wrong("exercise_1.py", "return -(", "return (", ("unbiased",), "has the wrong sign"),
    "mask": Wrong("exercise_1.py", "returns * mask", "returns", ("mask",), "after the last step matter"),
    "total": Wrong(
        "exercise_2.py",
        _TO_GO,
        "rewards.sum(-1, keepdims=True) + 0 * rewards",
        ("variance", "equals"),
        "the whole return",
    ),
    "past": Wrong("exercise_2.py", _TO_GO, "rewards.cumsum(-1)", ("unbiased", "variance", "equals"), "up to each step"),
    "late": Wrong(
        "exercise_2.py", _TO_GO, f"{_TO_GO} - rewards", ("unbiased", "variance", "equals"), "own reward is missing"
    ),
    "average": Wrong(
        "exercise_3.py",
        "(to_go.sum(0) - to_go) / (len(to_go) - 1)",
        "rewards.sum(-1).mean()",
        ("unbiased", "variance", "equals"),
        "shrinks the gradient by 1 − 1/N",
    ),
    "own_step": Wrong(
        "exercise_3.py",
        "(to_go.sum(0) - to_go) / (len(to_go) - 1)",
        "to_go.mean(0)",
        ("unbiased", "variance", "equals"),
        "contains the trajectory's own return",
    ),
    "added": Wrong("exercise_3.py", "to_go - others", "to_go + others", ("variance", "equals"), "adds the baseline"),
    "trajectory": Wrong(
        "exercise_4.py",
        "((log_probs - old_log_probs) * mask).cumsum(-1).exp()",
        "((log_probs - old_log_probs) * mask).sum(-1, keepdim=True).exp()",
        ("equals",),
        "has another importance weight than asked for (trajectory, not per decision)",
    ),
    "attached": Wrong("exercise_4.py", ".detach()", "", ("unbiased", "equals"), ""),
    "no_weight": Wrong(
        "exercise_4.py", "weights * rewards", "rewards", ("unbiased", "equals"), "has no importance weight"
    ),
    "no_clip": Wrong("exercise_5.py", _MINIMUM, "ratios * advantages", ("equals",), "does not clip the ratio"),
    "no_minimum": Wrong(
        "exercise_5.py", _MINIMUM, "ratios.clamp(0.8, 1.2) * advantages", ("equals",), "without PPO's minimum"
    ),
    "maximum": Wrong("exercise_5.py", "torch.minimum", "torch.maximum", ("equals",), "the larger one"),
}
