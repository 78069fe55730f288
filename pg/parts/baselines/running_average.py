"""A running average of the rewards-to-go of earlier batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pg.parts.baselines.base import Baseline

if TYPE_CHECKING:
    import torch

    from pg.core.trajectories import Spaces
    from pg.parts.annotations import Batch, Float, Tensor, Variant
    from pg.parts.critic import Critic


class RunningAverage(Baseline):
    r"""One number for all states, $b \leftarrow b + \beta (\bar G - b)$ after each update; 0 at first.

    $\bar G$ is the mean reward-to-go of the batch's steps. No trajectory's own rewards enter its baseline:
    $\mathbb{E}[\hat g] = \nabla J$.

    Sutton & Barto 2018, "Reinforcement learning: an introduction", section 13.4, with the same value in all states.
    """

    name: str = "running_average"
    label: ClassVar[str | None] = "running average"
    weight: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="β, the weight of the newest batch in the average."
    )

    symbol: ClassVar[str] = "b"
    made_from_batch: ClassVar[bool] = False
    values_from: ClassVar = "network"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return the average, at every step."""
        return batch.state_values.along

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse returns that need the value of each state."""
        yield from super().problems(variant)
        if variant.returns.needs_values:
            yield (
                f"returns: {variant.returns.name} is computed from state values, and baseline: {self.name} is the same "
                "in every state; use value_network or exact"
            )

    def make_critic(
        self,
        variant: Variant,
        spaces: Spaces,
        horizon: int,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> Critic:
        """Return a new average."""
        from pg.parts.critic import new_average

        del spaces, horizon, generator
        return new_average(self.weight, variant.discount, dtype, device)

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Write how it changes."""
        newest = r"\bar{G} \text{ the mean reward-to-go of a step of the batch}"
        return (rf"b \leftarrow b + {self.weight:g} \, (\bar{{G}} - b) \quad \text{{after each update, }} {newest}",)
