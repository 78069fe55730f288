"""The base class of limits on the KL divergence, and the search for the longest step within one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat

from pg.parts.part import Part

if TYPE_CHECKING:
    from pg.learning.updates import Ascent, Minibatch
    from pg.parts.annotations import Float, Tensor, Variant

Direction = Literal["new_old", "old_new"]

_HALVINGS = 20


class Limit(Part):
    """A limit on the KL divergence between the policies before and after an update.

    Its `name` is the key `hold_by` of a study file.
    """

    name: str = Field(default="", alias="hold_by")
    limit: PositiveFloat = Field(description="δ, the largest mean KL divergence over the batch's states.")
    direction: Direction = Field(default="new_old", description="KL(π_θ'‖π_θ), as in the lecture, or KL(π_θ‖π_θ').")

    chooses_step: ClassVar[bool] = False
    """Whether the limit decides the length of the step, so that the variant has no learning rate."""

    @abstractmethod
    def take_steps(self, ascent: Ascent, minibatches: Iterable[Minibatch], state: dict[str, float], /) -> float:
        """Take the steps that the limit allows, and return their number; fractional where a step was shortened.

        Parameters
        ----------
        ascent
            The update in progress: takes steps, measures and moves the policy.
        minibatches
            Those of the update, in order; without a limit, each has one step.
        state
            What the limit keeps from one update of a learner to the next; empty at first, changed in place.
        """

    @abstractmethod
    def held_by(self) -> tuple[str, ...]:
        r"""Return LaTeX equations that define how $\bar{D} \leq \delta$ is achieved."""

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Return LaTeX equations for how the limit is held, the divergence and its largest value."""
        policies = [r"\pi_{\theta'}(\cdot \mid \mathbf{s})", r"\pi_\theta(\cdot \mid \mathbf{s})"]
        first, second = policies if self.direction == "new_old" else policies[::-1]
        divergence = rf"D_{{KL}}({first} \Vert {second})"
        return (
            *self.held_by(),
            rf"\bar{{D}} = \mathbb{{E}}_{{\mathbf{{s}} \sim \pi_\theta}} \left[ {divergence} \right]",
            rf"\delta = {self.limit:g}",
        )


def search_back(
    ascent: Ascent,
    start: Float[Tensor, " D"],
    direction: Float[Tensor, " D"],
    is_accepted: Callable[[], bool],
    longest: float = 1.0,
) -> float:
    """Move the policy from `start` by the longest accepted share of a step, and return the share.

    The first share is `longest`, and each next one is half of the last. If none of 20 is accepted, the share is 0.
    """
    for halvings in range(_HALVINGS):
        share = longest / 2**halvings
        ascent.move_to(start + share * direction)
        if is_accepted():
            return share
    ascent.move_to(start)
    return 0.0
