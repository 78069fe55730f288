"""Mistakes that were found in public code, written anew from their descriptions, and what a check must say.

Each is one function of the mathematics that the issue or pull request describes. No code was copied.
"""

from __future__ import annotations

from typing import NamedTuple


class RealMistake(NamedTuple):
    """Where a mistake was reported, the words of its diagnosis, and an estimator that makes it.

    Without words no known mistake fits; the check must still find the bias.
    """

    reported: str
    words: tuple[str, ...]
    source: str


REAL = {
    # The mean over all actions of an epoch divides by the number of steps, not by that of the episodes.
    "mean_over_all_actions": RealMistake(
        "openai/spinningup issues 59, 222, 414, 454",
        ("averages over all steps of the batch", "whole return"),
        """\
def loss(log_probs, rewards, mask):
    weights = rewards.sum(-1, keepdim=True).expand_as(rewards)
    return -(log_probs * weights)[mask].mean()
""",
    ),
    # The tutorial multiplied the sum of an episode's returns by its average log-probability.
    "mean_log_probability": RealMistake(
        "Farama-Foundation/Gymnasium issue 1336",
        ("sum of a trajectory's advantages by its average log-probability",),
        """\
import torch
from pg.checking.submissions import estimator


@estimator(trajectories="list")
def update(log_probs, rewards):
    losses = []
    for own, earned in zip(log_probs, rewards):
        running, returns = 0.0, []
        for reward in earned.flip(0):
            running = reward + running
            returns.insert(0, running)
        losses.append(-(own.mean() * torch.stack(returns)).sum())
    return torch.stack(losses).mean()
""",
    ),
    # The sum over a buffer of several episodes, from its end, was not reset where an episode ends.
    "not_reset_between_episodes": RealMistake(
        "nikhilbarhate99/PPO-PyTorch issue 8; pytorch/examples pull request 1422",
        ("run on into the next trajectory",),
        """\
import torch
from pg.checking.submissions import estimator


@estimator(trajectories="list")
def finish_episodes(log_probs, rewards, discount):
    running, returns = 0.0, []
    for reward in reversed(torch.cat(rewards)):
        running = reward + discount * running
        returns.insert(0, running)
    return -(torch.cat(log_probs) * torch.stack(returns)).sum() / len(rewards)
""",
    ),
    # Values of shape (B, 1) were subtracted from returns of shape (B,): each return lost the average value.
    "broadcast_values": RealMistake(
        "PacktPublishing/Deep-Reinforcement-Learning-Hands-On issues 33, 74",
        ("average of the values", "averages over all steps of the batch"),
        """\
def actor_loss(log_probs, rewards, mask, values):
    returns = rewards.flip(-1).cumsum(-1).flip(-1)[mask]
    value = values[mask].unsqueeze(-1)
    advantages = returns - value.detach()
    return -(advantages * log_probs[mask]).mean()
""",
    ),
    # Advantages of shape (B, 1) were multiplied by ratios of shape (B,): all actions got the average advantage.
    "broadcast_advantages": RealMistake(
        "RITCHIEHuang/DeepRL_Algorithms issue 13",
        ("average advantage of the batch", "averages over all steps of the batch"),
        """\
import torch


def surrogate_loss(log_probs, rewards, mask, values):
    returns = rewards.flip(-1).cumsum(-1).flip(-1)
    advantages = (returns - values.detach())[mask].reshape(-1, 1)
    ratio = torch.exp(log_probs - log_probs.detach())[mask]
    return -(ratio * advantages).mean()
""",
    ),
    # The mean for normalising was over padding, the deviation was not.
    "mean_with_padding": RealMistake(
        "NovaSky-AI/SkyRL issue 1305",
        ("mean over padding",),
        """\
import numpy as np


def normalised_advantages(rewards, mask):
    returns = np.flip(np.flip(rewards, -1).cumsum(-1), -1) * mask
    mean = returns.mean()
    squares = ((returns - mean) ** 2 * mask).sum()
    return (returns - mean) / np.sqrt(np.maximum(squares / mask.sum(), 1e-8)) * mask
""",
    ),
    # The masked mean was the mean of masked numbers: padding counted in the denominator.
    "mean_of_masked": RealMistake(
        "Stable-Baselines-Team/stable-baselines3-contrib issue 75, pull request 78",
        ("averages over the steps of the padded batch",),
        """\
import torch


def policy_loss(log_probs, rewards, mask, values):
    advantages = rewards.flip(-1).cumsum(-1).flip(-1) - values.detach()
    ratio = torch.exp(log_probs - log_probs.detach())
    return -torch.mean(advantages * ratio * mask)
""",
    ),
    # Length bias: a long response has less weight per token than a short one. The other two deviations are GRPO's own.
    "length_bias": RealMistake(
        "huggingface/trl pull requests 3138, 3256; sail-sg/understand-r1-zero issues 10, 25",
        ("averages over the steps of each trajectory", "mean and deviation of the trajectories", "whole return"),
        """\
import torch


def grpo_loss(log_probs, rewards, mask):
    total = rewards.sum(-1)
    advantages = (total - total.mean()) / (total.std() + 1e-4)
    per_token = torch.exp(log_probs - log_probs.detach()) * advantages.unsqueeze(-1)
    return -((per_token * mask).sum(-1) / mask.sum(-1)).mean()
""",
    ),
    # The ratio's denominator was the policy that is trained, not the one that collected the batch: it is always 1.
    "ratio_is_always_one": RealMistake(
        "meta-pytorch/torchforge pull request 571",
        ("no importance weight",),
        """\
import torch


def surrogate(log_probs, old_log_probs, rewards, mask):
    total = rewards.sum(-1)
    advantages = (total - (total.sum() - total) / (len(total) - 1)).unsqueeze(-1)
    ratio = torch.exp(log_probs - log_probs.detach())
    return -(ratio * advantages * mask).sum(-1).mean()
""",
    ),
    # The baseline is the average of an episode's own rewards-to-go; dividing by their deviation changes little.
    "normalised_in_episode": RealMistake(
        "alessiodm/drl-zh issue 5",
        ("own mean and deviation",),
        """\
import torch
from pg.checking.submissions import estimator


@estimator(trajectories="list")
def policy_gradient_loss(log_probs, rewards):
    losses = []
    for own, earned in zip(log_probs, rewards):
        returns = earned.flip(0).cumsum(0).flip(0)
        returns = returns - returns.mean()
        returns = returns / (returns.std(correction=0) + 1e-8)
        losses.append(-(own * returns).sum())
    return torch.stack(losses).mean()
""",
    ),
    # Each reward was discounted from the first step, and none was added to those of earlier actions.
    "discounted_but_not_added": RealMistake(
        "hunkim/ReinforcementZeroToAll issue 1",
        ("own reward alone, discounted from the first step", "own mean and deviation"),
        """\
import numpy as np
from pg.checking.submissions import advantages


@advantages(trajectories="list")
def discount_rewards(rewards, discount):
    discounted = [own * discount ** np.arange(len(own)) for own in rewards]
    return [(own - own.mean()) / (own.std() + 1e-12) for own in discounted]
""",
    ),
    # A critic's gradient flowed into the policy's loss.
    "values_not_detached": RealMistake(
        "keras-team/keras-io issue 194; astariul/encode-attend-navigate-pytorch pull request 3",
        ("a gradient flows through the values",),
        """\
def actor_loss(log_probs, rewards, mask, values):
    difference = rewards.flip(-1).cumsum(-1).flip(-1) - values
    return -(log_probs * difference * mask).sum(-1).mean()
""",
    ),
    # The list of returns was reversed after each step, not once at the end.
    "reversed_inside_the_loop": RealMistake(
        "PacktPublishing/Tensorflow-2-Reinforcement-Learning-Cookbook issue 27, pull request 28",
        (),
        """\
import torch
from pg.checking.submissions import estimator


@estimator(trajectories="list")
def policy_loss(log_probs, rewards):
    losses = []
    for own, earned in zip(log_probs, rewards):
        running, returns = 0.0, []
        for reward in earned.flip(0):
            running = reward + running
            returns.append(running)
            returns.reverse()
        losses.append(-(own * torch.stack(returns)).sum())
    return torch.stack(losses).mean()
""",
    ),
    # Each step had the reward of the step before it, the last value that of the last step. With λ = 1 this costs
    # variance alone, as a maintainer says there; the code used λ = 0.97.
    "rewards_shifted": RealMistake(
        "openai/spinningup issues 50, 67, pull request 126",
        (),
        """\
import torch
from pg.checking.submissions import estimator


@estimator(trajectories="list")
def policy_loss(log_probs, rewards, values):
    total = 0.0
    for own, earned, value in zip(log_probs, rewards, values):
        value, zero = value.detach(), torch.zeros(1, dtype=own.dtype)
        shifted, after = torch.cat([zero, earned[:-1]]), torch.cat([value[1:], earned[-1:]])
        errors, advantages, running = shifted + after - value, [], 0.0
        for error in errors.flip(0):
            running = error + 0.97 * running
            advantages.insert(0, running)
        total = total - (own * torch.stack(advantages)).sum()
    return total / len(rewards)
""",
    ),
}
