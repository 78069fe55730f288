"""The batch that parts read: returns, score products and state values are computed on demand, once each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pg.parts.discounting import discount_weights, total_return

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.parts.annotations import Bool, Float, Tensor, Variant


@dataclass(frozen=True, slots=True)
class ScoreProducts:
    r"""Products of scores, $\langle A_i, B_i \rangle$ and $\lVert B_i \rVert^2$.

    $A = \sum_t \gamma_t \psi_t W_t$ and $B = \sum_t \gamma_t \psi_t$, where $\psi_t = \nabla \log \pi(a_t \mid
    s_t)$, $W_t$ is the return that weights it, and $\gamma_t$ is $\gamma^t$ where the variant discounts states, else 1.
    """

    weighted: Float[Tensor, "S N"]
    squared: Float[Tensor, "S N"]


@dataclass(frozen=True, slots=True)
class StateValues:
    """Values $V_t(s_t)$ of the states along trajectories, with the variant's discount, zero after the last step.

    `rest` is $V(o_{T_i})$ of the observation after the last step; zero if the trajectory terminated. Only variants
    that bootstrap at truncation use it.
    """

    along: Float[Tensor, "S N T"]
    rest: Float[Tensor, "S N"]


@dataclass(frozen=True)
class Batch:
    """S batches of N trajectories of the behaviour policy, with the quantities that a variant's parts need.

    Score products and state values are computed by the functions given, which are None if they are unknown.
    """

    variant: Variant
    trajectories: Trajectories
    find_score_products: Callable[[Batch], ScoreProducts] | None = None
    find_state_values: Callable[[Batch], StateValues] | None = None
    batches: int = 1
    """How many batches of a window, of equally many trajectories by a policy each, are joined along N."""

    @property
    def rewards(self) -> Float[Tensor, "S N T"]:
        """The rewards $r_t$."""
        return self.trajectories.rewards

    @property
    def mask(self) -> Bool[Tensor, "S N T"]:
        """True on valid steps."""
        return self.trajectories.mask

    @property
    def discount(self) -> float:
        r"""The discount factor $\gamma$ of the returns."""
        return self.variant.discount

    @cached_property
    def returns(self) -> Float[Tensor, "S N T"]:
        """The weight of each log-likelihood before a baseline is subtracted, $W_t$; zero after the last step."""
        return self.variant.returns(self)

    @cached_property
    def totals(self) -> Float[Tensor, "S N"]:
        """The return $R_i$ of each whole trajectory, also if the weights are rewards-to-go."""
        return total_return(self.rewards, self.mask, self.discount)[..., 0]

    @cached_property
    def state_weights(self) -> Float[Tensor, "S N T"]:
        r"""$\gamma^t$ where the variant discounts states, else 1; zero after the last step."""
        if not self.variant.discount_states:
            return self.mask.to(self.rewards.dtype)
        return discount_weights(self.mask, self.discount, self.rewards.dtype)

    @cached_property
    def score_products(self) -> ScoreProducts:
        """Products of the scores of whole trajectories; ValueError if no scores are known."""
        if self.find_score_products is None:
            raise ValueError(f"baseline: {self.variant.baseline.name} needs the score products of the trajectories")
        return self.find_score_products(self)

    @cached_property
    def state_values(self) -> StateValues:
        """The values of the states that the variant's baseline subtracts; ValueError if none are known."""
        if self.find_state_values is None:
            raise ValueError(f"baseline: {self.variant.baseline.name} needs the values of the trajectories' states")
        return self.find_state_values(self)
