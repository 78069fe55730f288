r"""Imitation: fit a policy to what a demonstrator did, before it begins to learn from its own trials.

Behaviour cloning minimises the lecture's loss of imitation, the cross-entropy between the demonstrated actions and the
policy where actions are discrete, and the squared error of the policy's mean where they are real (lecture, "What does
the gradient mean"; "How to implement"). It is the policy gradient's surrogate with every weight 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.distributions import Categorical
from torch.nn import functional

from pg.core.randomness import generator
from pg.core.trajectories import Actor, Spaces, Trajectories, valid_steps
from pg.environments.controllers import CONTROLLERS
from pg.environments.stacked import make_environments
from pg.learning.policies import Parameters, Policy, thaw
from pg.learning.rollout import Generators, actor_of, collect
from pg.parts.learner import Clone
from pg.study.jobs import TrainJob, TuneJob


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a policy came to be what it is before its first batch.

    Attributes
    ----------
    demonstration_steps
        Environment steps of its demonstrations; 0 where it is random.
    demonstrator_return
        Mean return of the demonstrations.
    imitation_training_loss, imitation_loss
        Mean loss over the steps of the demonstrations that it was fitted to, and of those that it was judged by.
    """

    demonstration_steps: int
    demonstrator_return: float
    imitation_training_loss: float
    imitation_loss: float


AT_RANDOM = Beginning(0, *[float("nan")] * 3)
"""Of a policy that imitates nobody."""


def demonstrations(
    job: TrainJob | TuneJob, start: Clone, stream: str, policies: Mapping[int, Parameters]
) -> dict[int, Trajectories]:
    """Collect what each of a job's seeds is shown, one seed after the other and by generators of its own.

    Parameters
    ----------
    job
        Any that trains.
    start
        Who demonstrates, and how often.
    stream
        Name of the job's stream of seeds.
    policies
        Parameters of the snapshots that it imitates, by the seeds that made them.

    Returns
    -------
    dict
        By seed, S = 1.
    """
    copies = make_environments(job.environment, 1, start.demonstrations)
    return {
        seed: collect(copies, actor, [_generators(seed, stream)]).of_seed(0)
        for seed, actor in _demonstrators(job, start, policies, copies.spaces).items()
    }


def imitate(policy: Policy, start: Clone, shown: Trajectories) -> Beginning:
    """Fit a policy in place to demonstrations, and tell how well it does.

    Trajectories are drawn independently, so that the last of them serve as well as any to judge the policy by. A policy
    that scales what it sees takes the demonstrations for the first that it has seen.

    Parameters
    ----------
    policy
        The imitator.
    start
        How many trajectories it is judged by, and how it is fitted to the others.
    shown
        The demonstrations, S = 1.
    """
    shown = shown.on(policy.device)
    if policy.scaling is not None:
        policy.scaling.observe(valid_steps(shown)[0])
    fitted, judged = split(shown, start.validated)
    fit(policy, start, fitted, judged)
    return Beginning(
        demonstration_steps=int(shown.mask.sum()),
        demonstrator_return=shown.returns.to(torch.float64).mean().item(),
        imitation_training_loss=mean_loss(policy, fitted),
        imitation_loss=mean_loss(policy, judged),
    )


def split(shown: Trajectories, judged: int) -> tuple[Trajectories, Trajectories]:
    """Divide demonstrations by whole trajectories: all but the last so many, and those.

    Neighbouring steps are alike; were they divided one by one, a policy could be right on the second part by heart.
    """
    return shown.changed(lambda values: values[:, :-judged]), shown.changed(lambda values: values[:, -judged:])


def fit(policy: Policy, start: Clone, fitted: Trajectories, judged: Trajectories) -> None:
    r"""Minimise the mean loss of imitation in place, $\theta \leftarrow \arg\min_\theta \bar\ell(\theta)$.

    Each epoch is a step of Adam on all the trajectories fitted to. What is kept are the parameters with the least loss
    on the trajectories judged by, those before the first step among them.

    A Gaussian policy keeps the standard deviations that it was given: the squared error says nothing of them, and
    their likeliest value is 0 where the demonstrator acts without chance, which leaves nothing to learn by afterwards.

    Parameters
    ----------
    policy
        The imitator.
    start
        Number of epochs and learning rate.
    fitted, judged
        Two parts of the demonstrations, S = 1 each.
    """
    states, actions = valid_steps(fitted)
    optimizer = torch.optim.Adam(policy.layers.parameters(), lr=start.learning_rate, fused=True)
    least, best = mean_loss(policy, judged), deepcopy(policy.state_dict())
    for _ in range(start.epochs):
        optimizer.zero_grad()
        losses(policy, states, actions).mean().backward()
        optimizer.step()
        found = mean_loss(policy, judged)
        if found < least:
            least, best = found, deepcopy(policy.state_dict())
    policy.load_state_dict(best)
    policy.zero_grad()


def mean_loss(policy: Policy, shown: Trajectories) -> float:
    r"""Return $\bar\ell(\theta)$, the mean loss of imitation over the steps of demonstrations."""
    with torch.no_grad():
        return losses(policy, *valid_steps(shown)).to(torch.float64).mean().item()


def losses(policy: Policy, states: Float[Tensor, "n O"], actions: Shaped[Tensor, " n *A"]) -> Float[Tensor, " n"]:
    r"""Compute the loss of imitation at each step.

    The cross-entropy $-\log \pi_\theta(a \mid s)$ of a discrete action, or the squared error
    $\lVert a - \mu_\theta(s) \rVert^2$ of a real one.

    Parameters
    ----------
    policy
        The imitator.
    states
        (n, O).
    actions
        (n,) or (n, A), as demonstrated.

    Notes
    -----
    The lecture's sections "What does the gradient mean" (imitation gradient) and "How to implement".
    """
    distribution = policy.distribution(states)
    if isinstance(distribution, Categorical):
        return functional.cross_entropy(distribution.logits, actions, reduction="none")
    return functional.mse_loss(distribution.mean, actions, reduction="none").sum(-1)


def _demonstrators(
    job: TrainJob | TuneJob, start: Clone, policies: Mapping[int, Parameters], spaces: Spaces
) -> dict[int, Actor]:
    if start.controller is not None:
        return dict.fromkeys(job.seeds, CONTROLLERS[start.controller])
    assert job.demonstrators is not None, "a job that imitates snapshots says which"
    shown, options = zip(job.seeds, job.demonstrators.seeds, strict=True), job.demonstrators.policy
    return {seed: actor_of([thaw(options, spaces, policies[other])]) for seed, other in shown}


def _generators(seed: int, stream: str) -> Generators:
    purposes = ("demonstration starts", "demonstration actions")
    starts, actions = (generator(seed, stream, purpose) for purpose in purposes)
    return Generators(starts, actions)
