"""The base class of baselines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pg.parts.part import Part

if TYPE_CHECKING:
    import torch

    from pg.core.trajectories import Spaces
    from pg.parts.annotations import Batch, Float, Tensor, Variant
    from pg.parts.critic import Critic


class Baseline(Part):
    r"""A term that is subtracted from the return before it weights a log-likelihood.

    If trajectory $i$'s baseline does not depend on its own rewards, the expectation of the gradient is $\nabla J$.
    """

    symbol: ClassVar[str] = "b_{i,t}"
    """LaTeX of the baseline at step t of trajectory i; empty if nothing is subtracted."""
    made_from_batch: ClassVar[bool] = True
    """Whether a trajectory's baseline depends on other trajectories of its batch."""
    needs_score_products: ClassVar[bool] = False
    """Whether it reads `batch.score_products`."""
    values_from: ClassVar[Literal["tables", "network"] | None] = None
    """Where `batch.state_values` come from, if it reads them: the environment's tables, or a value network."""

    @abstractmethod
    def __call__(self, batch: Batch) -> Float[Tensor, "#S #N #T"]:
        """Return what is subtracted: each of the axes S, N and T has its full length, or 1 where nothing varies."""

    def state_table(
        self, probabilities: Float[Tensor, "#T S A"], states: Float[Tensor, "T S"], actions: Float[Tensor, "T S A"]
    ) -> Float[Tensor, "T S"]:
        r"""Return the values of states that come from tables, given π, $V_t(s)$ and $Q_t(s, a)$: here $V_t(s)$."""
        del probabilities, actions
        return states

    def make_critic(
        self,
        variant: Variant,
        spaces: Spaces,
        horizon: int,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> Critic | None:
        """Return a new value network for the returns of a variant; None for a baseline that learns nothing."""
        del variant, spaces, horizon, generator, dtype, device
        return None

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse batches of one trajectory if the baseline is computed from the batch."""
        if self.made_from_batch and variant.batch < 2:
            yield f"baseline: {self.name} is made from the batch and needs batch: 2 or more"

    def definitions(self, _variant: Variant, /) -> tuple[str, ...]:
        """Define the symbol, if there is one, by the name of the class."""
        return self._named(self.symbol) if self.symbol else ()
