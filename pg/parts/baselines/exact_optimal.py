"""The exact function of the state of least variance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Float, Tensor, Variant


class ExactOptimal(Baseline):
    r"""The function of the state with which each step's term has the least variance, from the environment's tables.

    $b_t(s) = \sum_a \pi(a \mid s) \, n(a, s) \, Q_t(s, a) \big/ \sum_a \pi(a \mid s) \, n(a, s)$, the mean of the
    action values weighted by the squared norm n of the score, for a table of preferences (one logit for each state and
    action): $\lVert e_a - \pi \rVert^2 = 1 - 2 \pi(a \mid s) + \sum_c \pi(c \mid s)^2$. With any offset,
    $\mathbb{E}[\hat g] = \nabla J$; offsets of both signs have equal variance.

    Greensmith, Bartlett & Baxter 2004, "Variance reduction techniques for gradient estimates in reinforcement
    learning", section 4.
    """

    name: str = "exact_optimal"
    label: ClassVar[str | None] = "exact least variance"
    symbol: ClassVar[str] = r"b_t(\mathbf{s}_{i,t})"
    made_from_batch: ClassVar[bool] = False
    values_from: ClassVar = "tables"

    offset: float = Field(default=0.0, description="What is added to the baseline of least variance.")

    @property
    def words(self) -> str:
        """The baseline in labels of variants, with its offset."""
        offset = f" {'+' if self.offset > 0 else '−'} {abs(self.offset):g}" if self.offset else ""
        return f"{super().words}{offset}"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return the baseline of each state."""
        return batch.state_values.along

    def state_table(
        self, probabilities: Float[Tensor, "#T S A"], states: Float[Tensor, "T S"], actions: Float[Tensor, "T S A"]
    ) -> Float[Tensor, "T S"]:
        """Return the weighted mean of the action values in each state, plus the offset."""
        del states
        weights = probabilities * (1 - 2 * probabilities + probabilities.square().sum(-1, keepdim=True))
        return (weights * actions).sum(-1) / weights.sum(-1) + self.offset

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse returns that need the value of each state."""
        yield from super().problems(variant)
        if variant.returns.needs_values:
            yield (
                f"returns: {variant.returns.name} is computed from state values, which baseline: {self.name} is not; "
                "use exact or value_network"
            )

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Write the quotient and its weights."""
        offset = f" {self.offset:+g}" if self.offset else ""
        weight = r"\pi_\theta(a \mid \mathbf{s}) \, n(a, \mathbf{s})"
        norm = r"1 - 2 \pi_\theta(a \mid \mathbf{s}) + \sum_c \pi_\theta(c \mid \mathbf{s})^2"
        return (
            rf"b_t(\mathbf{{s}}) = \frac{{\sum_a {weight} \, Q_t(\mathbf{{s}}, a)}}{{\sum_a {weight}}}{offset}",
            rf"n(a, \mathbf{{s}}) = {norm}",
        )
