"""The base class of windows: an update that learns from the batches of several past policies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from pg.parts.part import Part

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor, Variant


class Window(Part):
    r"""The latest ω batches of N trajectories, by the policies of their iterations, the newest last.

    A window says what takes the place of $\log \pi_\theta(a_t \mid s_t)$ in the ratios of a correction. Corrections,
    returns and baselines are those of one batch of ωN trajectories. In the first iterations there are fewer batches.

    Expectations are for given policies. In training, the older batches determined the later policies, so that the
    estimate is biased even where the expectation is $\nabla J(\theta')$.
    """

    batches: PositiveInt = Field(description="ω, the number of latest batches that an update learns from.")

    @abstractmethod
    def __call__(self, log_probs: Float[Tensor, "B S N T"]) -> Float[Tensor, "S N T"]:
        r"""Return the logarithm of what ratios divide by at each step.

        Parameters
        ----------
        log_probs
            $\log \pi_{\theta_j}(a_t \mid s_t)$ of every step under each of the B policies, zero after the last step.
            The trajectories are ordered by their batches, equally many of each policy.
        """

    @abstractmethod
    def probability(self, trajectory: str, /) -> str:
        """Write what the ratio of step t of a trajectory divides by."""

    @property
    def words(self) -> str:
        """The number of batches, and how they are weighted if that is not the default."""
        return f"{self.batches} batches" + (f", {super().words}" if super().words else "")

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse parts that know one policy only, if there are several batches."""
        if self.batches == 1:
            return
        if variant.baseline.needs_score_products:
            yield f"baseline: {variant.baseline.name} needs the scores of one policy; set window.batches: 1"
        if variant.importance.needs_state_ratios:
            yield f"importance: {variant.importance.name} needs the states of one policy; set window.batches: 1"
        if variant.chooses_its_step:
            yield "kl.hold_by: natural_gradient needs the data of one policy; set window.batches: 1"

    def definitions(self, variant: Variant, /) -> tuple[str, ...]:
        """Give the numbers of batches and trajectories."""
        count = rf"\omega = {self.batches} \quad \text{{latest batches, by }} \pi_{{\theta_1}}, \dots, "
        return (count + r"\pi_{\theta_\omega}", rf"N = {variant.batch} \, \omega")
