"""What a training run must remember between two iterations to go on as if it had never stopped.

Every batch starts from a reset, so environments have nothing to remember: parameters, optimizers, generators and
counters of the learners that are not through are all there is. The state is torch's archive of plain numbers and names,
read back without running any code that it might hold.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch

from pg.learning.evaluation import Evaluator
from pg.learning.imitation import Beginning
from pg.learning.learner import Learner
from pg.study.model.experiments import Budget


class Keeper(Protocol):
    """The recorder's companion: keeps what a run must remember, and hands back what was kept before."""

    def kept(self) -> bytes | None:
        """Return the state in which an earlier run of the same job was interrupted; None where there is none."""
        ...

    def iteration(self, state: Callable[[], bytes]) -> None:
        """Take notice that an iteration is over; the state may be asked for now, and not later."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """A training run between two iterations.

    Attributes
    ----------
    learners
        Those that are not through, in the order of their seeds.
    pending
        Stages that each of them has yet to reach, with the fraction of the budget at which it does.
    """

    learners: Sequence[Learner]
    pending: Sequence[dict[str, float]]

    def without_those_through(self, budget: Budget) -> Progress:
        """Return what is left of the run."""
        left = [one for one in zip(self.learners, self.pending, strict=True) if not one[0].is_through(budget)]
        return Progress([learner for learner, _ in left], [pending for _, pending in left])

    def state(self, evaluator: Evaluator | None) -> bytes:
        """Return all that there is to remember."""
        remembered = {
            "learners": [_learner_state(learner) for learner in self.learners],
            "pending": list(self.pending),
            "evaluator": None if evaluator is None else evaluator.state(),
        }
        archive = io.BytesIO()
        torch.save(remembered, archive)
        return archive.getvalue()

    def resumed(self, state: bytes, evaluator: Evaluator | None) -> Progress:
        """Bring new learners to where the state's were; those that it does not know were through."""
        remembered = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
        if evaluator is not None:
            evaluator.load(remembered["evaluator"])
        new = {(learner.seed, learner.learning_rate): learner for learner in self.learners}
        learners = [_brought_back(new[one["seed"], one["learning_rate"]], one) for one in remembered["learners"]]
        return Progress(learners, remembered["pending"])


def _learner_state(learner: Learner) -> dict[str, Any]:
    critic = learner.critic
    return {
        **{name: getattr(learner, name) for name in ("seed", "learning_rate", "iteration", "steps", "episodes")},
        "policy": learner.policy.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "critic": None if critic is None else [critic.network.state_dict(), critic.optimizer.state_dict()],
        "penalty": learner.penalty.factor,
        "beginning": asdict(learner.beginning),
        "generators": [generator.bit_generator.state for generator in learner.all_generators],
    }


def _brought_back(learner: Learner, state: Mapping[str, Any]) -> Learner:
    for name in ("iteration", "steps", "episodes"):
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
