"""The value of the state, estimated by a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from pg.parts.activations.registry import AnyActivation
from pg.parts.activations.tanh import Tanh
from pg.parts.baselines.base import Baseline
from pg.parts.notation import VALUE

if TYPE_CHECKING:
    import torch

    from pg.core.trajectories import Spaces
    from pg.parts.annotations import Batch, Float, Tensor, Variant
    from pg.parts.critic import Critic


class ValueNetwork(Baseline):
    r"""The value of the state, $V_\phi(s_t, t)$, a multilayer perceptron that is fitted after each update.

    Advantages use it as fitted on earlier batches, so that no trajectory's own rewards enter its baseline:
    $\mathbb{E}[\hat g] = \nabla J$.
    """

    name: str = "value_network"
    label: ClassVar[str | None] = "V"
    hidden: tuple[PositiveInt, ...] = Field(
        default=(64, 64), description="Sizes of the hidden layers; an empty list makes the values linear."
    )
    activation: AnyActivation = Field(default=Tanh(), description="Activation of the hidden layers.")
    learning_rate: PositiveFloat = Field(default=0.01, description="Learning rate of Adam, for the mean squared error.")
    fit_steps: PositiveInt = Field(
        default=20, description="Steps on the whole batch, after the policy has been updated on it."
    )

    symbol: ClassVar[str] = VALUE
    made_from_batch: ClassVar[bool] = False
    values_from: ClassVar = "network"

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        """Return the value of each state."""
        return batch.state_values.along

    def make_critic(
        self,
        variant: Variant,
        spaces: Spaces,
        horizon: int,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> Critic:
        """Return a new value network."""
        # Imported here: validation and figures use this record without torch.
        from pg.parts.critic import new_critic

        return new_critic(self, variant, spaces, horizon, generator, dtype, device)

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Write the network's output, scaled by the steps that are left."""
        if variant.returns.bootstraps:
            value = r"\frac{1}{1 - \gamma} \, f_\phi(s)"
        elif variant.discount < 1:
            value = r"\sum_{t'=t}^{T} \gamma^{t'-t} \, f_\phi(s, t)"
        else:
            value = r"(T - t + 1) \, f_\phi(s, t)"
        return (rf"V_t(s) = {value} \quad \text{{fitted to the rewards-to-go of earlier batches}}",)
