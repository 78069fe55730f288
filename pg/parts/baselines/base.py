"""The base class of baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pg.parts.notation import escaped
from pg.parts.part import Part

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

    from pg.core.trajectories import Spaces
    from pg.parts.batch import Batch
    from pg.parts.critic import Critic
    from pg.parts.variant import Variant


class Baseline(Part):
    r"""A term that is subtracted from the return before it weights a log-likelihood.

    If trajectory $i$'s baseline does not depend on its own rewards, the expectation of the gradient is $\nabla J$.

    Attributes
    ----------
    symbol
        LaTeX of the baseline at step t of trajectory i; empty if nothing is subtracted.
    made_from_batch
        Whether a trajectory's baseline depends on other trajectories of its batch.
    needs_score_products
        Whether it reads `batch.score_products`.
    values_from
        Where `batch.state_values` come from, if it reads them: the environment's tables, or a value network.
    """

    symbol: ClassVar[str] = "b_{i,t}"
    made_from_batch: ClassVar[bool] = True
    needs_score_products: ClassVar[bool] = False
    values_from: ClassVar[Literal["tables", "network"] | None] = None

    def __call__(self, batch: Batch) -> Float[Tensor, "#S #N #T"]:
        """Return what is subtracted: each of the axes S, N and T has its full length, or 1 where nothing varies."""
        raise NotImplementedError

    def make_critic(
        self,
        variant: Variant,
        spaces: Spaces,
        horizon: int,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> Critic | None:
        """Return a new value network; None for a baseline that learns nothing.

        Parameters
        ----------
        variant
            Gives the discount and the returns that the network predicts.
        spaces
            Sizes of observations.
        horizon
            T.
        generator
            Draws the initial weights.
        dtype
            Of the network. Default: float32.
        device
            Of the network. Default: the CPU.
        """
        del variant, spaces, horizon, generator, dtype, device
        return None

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse batches of one trajectory if the baseline is computed from the batch."""
        if self.made_from_batch and variant.batch < 2:
            yield f"baseline: {self.name} is made from the batch and needs batch: 2 or more"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the symbol, if there is one, by the name of the class."""
        del variant
        if not self.symbol:
            return ()
        return (rf"{self.symbol} = \text{{{escaped(type(self).__name__)}}}",)
