"""What a training run must remember between two iterations to go on as if it had never stopped.

Every batch starts from a reset, so environments have nothing to remember: parameters, optimizers, generators and
counters of the learners that are not through are all there is. The state is torch's archive of plain numbers and names,
read back without running any code that it might hold.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import torch

from pg.learning.evaluation import Evaluator
from pg.learning.imitation import Beginning
from pg.learning.learner import Learner

_PROGRESS = ("iteration", "steps", "episodes", "pending")


class Keeper(Protocol):
    """The recorder's companion: keeps what a run must remember, and hands back what was kept before."""

    def kept(self) -> bytes | None:
        """Return the state in which an earlier run of the same job was interrupted; None where there is none."""
        ...

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Take notice that an iteration is over; the state may be asked for now, and not later."""
        ...


def state_of(learners: Sequence[Learner], evaluator: Evaluator | None) -> bytes:
    """Return all that a run must remember: the learners that are not through, and their evaluator."""
    remembered = {
        "learners": [_learner_state(learner) for learner in learners],
        "evaluator": None if evaluator is None else evaluator.state(),
    }
    archive = io.BytesIO()
    torch.save(remembered, archive)
    return archive.getvalue()


def resumed(new: Sequence[Learner], evaluator: Evaluator | None, state: bytes) -> list[Learner]:
    """Bring new learners, and their evaluator, to where the state's were; those that it does not know were through."""
    remembered = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    if evaluator is not None:
        evaluator.load(remembered["evaluator"])
    waiting = {(learner.seed, learner.learning_rate): learner for learner in new}
    return [_brought_back(waiting[one["seed"], one["learning_rate"]], one) for one in remembered["learners"]]


def _learner_state(learner: Learner) -> dict[str, Any]:
    critic = learner.critic
    return {
        **{name: getattr(learner, name) for name in ("seed", "learning_rate", *_PROGRESS)},
        "policy": learner.policy.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "critic": None if critic is None else [critic.network.state_dict(), critic.optimizer.state_dict()],
        "penalty": learner.penalty.factor,
        "beginning": asdict(learner.beginning),
        "generators": [generator.bit_generator.state for generator in learner.all_generators],
    }


def _brought_back(learner: Learner, state: Mapping[str, Any]) -> Learner:
    for name in _PROGRESS:
        setattr(learner, name, state[name])
    learner.policy.load_state_dict(state["policy"])
    learner.optimizer.load_state_dict(state["optimizer"])
    if learner.critic is not None:
        network, optimizer = state["critic"]
        learner.critic.network.load_state_dict(network)
        learner.critic.optimizer.load_state_dict(optimizer)
    learner.penalty.factor = state["penalty"]
    learner.beginning = Beginning(**state["beginning"])
    for generator, former in zip(learner.all_generators, state["generators"], strict=True):
        generator.bit_generator.state = former
    return learner
