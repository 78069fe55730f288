"""The λ-return, which minus the value is generalised advantage estimation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from pg.core.record import Fraction
from pg.parts.discounting import later, reward_to_go, with_rest
from pg.parts.notation import VALUE, reward
from pg.parts.returns.base import Returns

if TYPE_CHECKING:
    from pg.parts.annotations import Batch, Bool, Float, Tensor, Variant


class Gae(Returns):
    r"""The λ-return, $G^\lambda_t = V_t + \sum_{l \ge 0} (\gamma \lambda)^l \delta_{t+l}$ (see `lambda_return`)."""

    name: str = "gae"
    label: ClassVar[str | None] = "GAE"
    lambda_: Fraction = Field(
        alias="lambda", description="λ: 1 sums all rewards to go, 0 replaces them by the next state's value."
    )
    bootstrap_at_truncation: bool = Field(
        default=False,
        description="Bootstrap at the horizon from the value network (discount < 1). "
        "Default: the horizon ends the return.",
    )

    needs_values: ClassVar[bool] = True

    @property
    def bootstraps(self) -> bool:
        """Whether returns bootstrap from the value after truncation."""
        return self.bootstrap_at_truncation

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse baselines without state values, and bootstrapping without a discount or with exact values."""
        yield from super().problems(variant)
        if not self.bootstrap_at_truncation:
            return
        if variant.discount == 1:
            yield (
                "bootstrap_at_truncation: true needs discount below 1: "
                "with discount 1 what follows the horizon has no bound"
            )
        if variant.baseline.values_from == "tables":
            yield (
                "bootstrap_at_truncation: true needs baseline: value_network; "
                "exact values are 0 at the horizon, because it ends the return"
            )

    def __call__(self, batch: Batch) -> Float[Tensor, "S N T"]:
        r"""Return $G^\lambda_t$ of each step."""
        rewards, values = batch.rewards, batch.state_values
        if self.bootstrap_at_truncation:
            rewards = with_rest(rewards, values.rest, batch.mask, batch.discount)
        return lambda_return(rewards, values.along, batch.mask, batch.discount, self.lambda_)

    def formula(self, _variant: Variant, trajectory: str, /) -> str:
        """Write the symbol of the λ-return."""
        return rf"G^\lambda_{{{trajectory},t}}"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the λ-return, its temporal difference errors, the value after the last step and λ."""
        discount = "" if variant.discount == 1 else r"\gamma \, "
        decay = r"\lambda" if variant.discount == 1 else r"(\gamma \lambda)"
        end = r" \quad \text{unless the trajectory was truncated}" if self.bootstraps else ""
        return (
            rf"G^\lambda_{{i,t}} = {VALUE} + \sum_{{t'=t}}^{{T}} {decay}^{{t'-t}} \, \delta_{{i,t'}}",
            rf"\delta_{{i,t}} = {reward('i', 't')} + {discount}V_{{t+1}}(s_{{i,t+1}}) - {VALUE}",
            rf"V_{{T_i+1}}(s_{{i,T_i+1}}) = 0{end}",
            rf"\lambda = {self.lambda_:g}",
        )


def lambda_return(
    rewards: Float[Tensor, "S N T"],
    values: Float[Tensor, "S N T"],
    mask: Bool[Tensor, "S N T"],
    discount: float,
    decay: float,
) -> Float[Tensor, "S N T"]:
    r"""Mix rewards and values into $G^\lambda_t = V_t + \sum_{l \ge 0} (\gamma \lambda)^l \delta_{t+l}$.

    Here $\delta_t = r_t + \gamma V_{t+1} - V_t$, with $V = 0$ after the last step.

    It is zero after the last step of each trajectory; minus $V_t$ it is the generalised advantage estimate. With
    $\lambda = 1$ it is the reward-to-go, whatever the values, and with 0 it is $r_t + \gamma V_{t+1}$. To bootstrap at
    truncation, pass the rewards that `with_rest` returns.

    Notes
    -----
    Sutton & Barto 2018, "Reinforcement learning", section 12.1; Schulman, Moritz, Levine, Jordan & Abbeel 2016,
    "High-dimensional continuous control using generalized advantage estimation", equation 16. The sum over l is a
    reward-to-go of $\delta$ with discount $\gamma \lambda$.
    """
    known = values * mask
    errors = rewards + discount * later(known, 1) - known
    return known + reward_to_go(errors, mask, discount * decay)
