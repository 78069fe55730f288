"""The base class of limits on the KL divergence, and the search for the longest step within one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat

from pg.parts.part import Part

if TYPE_CHECKING:
    from torch import Tensor

    from pg.learning.updates import Ascent
    from pg.parts.variant import Variant

Direction = Literal["new_old", "old_new"]

_HALVINGS = 20


class Limit(Part):
    """A limit on the KL divergence between the policies before and after an update.

    A subclass implements `take_steps`. Its `name` is the key `hold_by` of a study file.
    """

    name: str = Field(default="", alias="hold_by")
    limit: PositiveFloat = Field(description="δ, the largest mean KL divergence over the batch's states.")
    direction: Direction = Field(default="new_old", description="KL(π_θ'‖π_θ), as in the lecture, or KL(π_θ‖π_θ').")

    chooses_step: ClassVar[bool] = False
    """Whether the limit decides the length of the step, so that the variant has no learning rate."""

    def take_steps(self, steps: Iterable[Callable[..., None]], ascent: Ascent, state: dict[str, float]) -> float:
        """Take the steps that the limit allows.

        Parameters
        ----------
        steps
            The steps of the update without a limit, in order. Each moves the policy along the gradient of the surrogate
            when it is called; with a number as argument, along that of the surrogate less this multiple of the KL
            divergence.
        ascent
            The update in progress: measures and moves the policy.
        state
            What the limit keeps from one update of a learner to the next; empty at first, changed in place.

        Returns
        -------
        float
            Number of steps that were kept; fractional where a step was shortened.
        """
        raise NotImplementedError

    def held_by(self) -> tuple[str, ...]:
        r"""Return LaTeX equations that define how $\bar{D} \leq \delta$ is achieved."""
        raise NotImplementedError

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Return LaTeX equations for how the limit is held, the divergence and its largest value."""
        del variant
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
    start: Sequence[Tensor],
    direction: Sequence[Tensor],
    is_accepted: Callable[[], bool],
    longest: float = 1.0,
) -> float:
    """Move the policy by the longest share of a step that is accepted, halving the share at most 20 times.

    Parameters
    ----------
    ascent
        Moved to the accepted position, or to the start if no share is accepted.
    start
        Parameters before the step.
    direction
        The whole step, one tensor per parameter.
    is_accepted
        Returns whether the policy's present parameters are acceptable.
    longest
        The share that is tried first.

    Returns
    -------
    float
        The accepted share: `longest` times a power of 1/2, or 0.
    """
    for halvings in range(_HALVINGS):
        share = longest / 2**halvings
        ascent.move_to([origin + share * change for origin, change in zip(start, direction, strict=True)])
        if is_accepted():
            return share
    ascent.move_to(start)
    return 0.0
