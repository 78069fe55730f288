"""The base class of starts, and what they report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a policy was initialised.

    Attributes
    ----------
    demonstration_steps
        Environment steps of its demonstrations; 0 without any.
    demonstrator_return
        Mean return of the demonstrations.
    imitation_training_loss, imitation_loss
        Mean loss over the training steps and over the validation steps.
    """

    demonstration_steps: int
    demonstrator_return: float
    imitation_training_loss: float
    imitation_loss: float


AT_RANDOM = Beginning(0, *[float("nan")] * 3)
"""The beginning of a policy without demonstrations."""


class Start(Part):
    """The initialisation of a policy. A subclass implements `begin` and declares which demonstrations it needs."""

    @property
    def demonstrator(self) -> Demonstrator | str | None:
        """Snapshots or the name of a controller; None if the policy imitates nothing."""
        return None

    @property
    def trajectories(self) -> int:
        """Number of demonstrated trajectories that each seed needs."""
        return 0

    def begin(self, policy: Policy, shown: Trajectories | None) -> Beginning:
        """Change a new policy in place.

        Parameters
        ----------
        policy
            Randomly initialised.
        shown
            Demonstrations, S = 1; None without a demonstrator.
        """
        raise NotImplementedError
