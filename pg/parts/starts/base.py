"""The base class of starts, and what they report."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from pg.core.record import Name, Record
from pg.parts.part import Part

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.learning.policies import Policy


class Demonstrator(Record):
    """The policies that demonstrate: snapshots of a training experiment at one stage."""

    experiment: Name = Field(description="A training experiment without a sweep.")
    variant: Name = Field(description="The variant that trained the policies.")
    stage: Name = Field(description="Name of its snapshots.")


class Beginning(NamedTuple):
    """How a policy was initialised: steps and mean return of its demonstrations, and mean losses of the imitation.

    The losses are those over the training steps and over the validation steps.
    """

    demonstration_steps: int
    demonstrator_return: float
    imitation_training_loss: float
    imitation_loss: float


AT_RANDOM = Beginning(0, *[float("nan")] * 3)
"""The beginning of a policy without demonstrations."""


class Start(Part):
    """The initialisation of a policy. A subclass declares which demonstrations it needs."""

    @property
    def demonstrator(self) -> Demonstrator | str | None:
        """Snapshots or the name of a controller; None if the policy imitates nothing."""
        return None

    @property
    def trajectories(self) -> int:
        """Number of demonstrated trajectories that each seed needs."""
        return 0

    @property
    def passes(self) -> int:
        """Number of passes of the network over a trajectory before training."""
        return 0

    @abstractmethod
    def begin(self, policy: Policy, shown: Trajectories | None, /) -> Beginning:
        """Change a new policy in place, given demonstrations, S = 1, if there is a demonstrator."""
