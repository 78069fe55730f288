"""The base classes of corrections for data of an earlier policy, and of importance weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pg.parts.corrections.sample_size import has_weight
from pg.parts.corrections.self_normalisation import self_normalised
from pg.parts.corrections.truncation import truncated
from pg.parts.notation import escaped, probability, scaled_advantage, score
from pg.parts.part import Part

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from pg.core.trajectories import Trajectories
    from pg.parts.variant import Variant


@dataclass(frozen=True, slots=True)
class Ratios:
    r"""Trajectories of a behaviour policy π_θ, with their probability ratios under a target policy π_θ'.

    Attributes
    ----------
    trajectories
        Of the behaviour policy.
    log_ratios
        (S, N, T), $\log \rho_t = \log \pi_{\theta'}(a_t \mid s_t) - \log \pi_\theta(a_t \mid s_t)$. Products of
        ratios are computed as sums of these, and exponentiated last.
    state_ratios
        (S, N, T), $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$; None if they are unknown.
    """

    trajectories: Trajectories
    log_ratios: Float[Tensor, "S N T"]
    state_ratios: Float[Tensor, "S N T"] | None = None

    @property
    def mask(self) -> Bool[Tensor, "S N T"]:
        """True on valid steps."""
        return self.trajectories.mask


class Correction(Part):
    """The weights of data of an earlier policy.

    Attributes
    ----------
    corrects
        Whether there is a weight at all.
    needs_state_ratios
        Whether it reads `ratios.state_ratios`, which come from the environment's tables.
    """

    corrects: ClassVar[bool] = True
    needs_state_ratios: ClassVar[bool] = False

    @property
    def made_from_batch(self) -> bool:
        """Whether a trajectory's weight depends on other trajectories of its batch."""
        return False

    @property
    def is_idle_on_policy(self) -> bool:
        """Whether the estimate is the uncorrected one, bit for bit, where both policies are the same."""
        return False

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the plain weights: (S, N, T) per step, zero after the last, or (S, N, 1) per trajectory.

        Raises
        ------
        NonFiniteWeights
            If a weight is not finite.
        """
        raise NotImplementedError

    def weights(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the weights after truncation and normalisation."""
        return self(ratios)

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithms of the n plain weights."""
        weights = self(ratios)
        return weights[has_weight(weights, ratios.mask)].log()

    def weighted_returns(
        self, ratios: Ratios, weights: Float[Tensor, "S N #T"], returns: Float[Tensor, "S N T"], discount: float
    ) -> Float[Tensor, "S N T"]:
        """Return the weighted returns, from which the weighted baseline is subtracted."""
        del ratios, discount
        return weights * returns

    def keeps(self, ratios: Ratios, advantages: Float[Tensor, "S N T"]) -> Bool[Tensor, "S N T"] | None:
        """Return where the gradient is kept; None if it is kept everywhere."""
        del ratios, advantages

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the term of one step in the sum that estimates the gradient, at a policy θ or θ'."""
        return f"{score('i', policy)} {scaled_advantage(variant)}"


class ImportanceWeight(Correction):
    """A weight made of ratios, which may be truncated and self-normalised.

    Attributes
    ----------
    letter
        LaTeX of the plain weight.
    is_per_trajectory
        Whether all steps of a trajectory have the same weight.
    plain
        LaTeX equations that define the plain weight; by default its symbol is defined by the name of the class.
    """

    self_normalised: bool = Field(default=False, description="Scale importance weights to a mean of 1.")
    truncate_at: Annotated[float, Field(ge=1)] | None = Field(
        default=None, description="Largest importance weight; larger ones are cut, before they are normalised."
    )

    letter: ClassVar[str] = "w"
    is_per_trajectory: ClassVar[bool] = False
    plain: ClassVar[tuple[str, ...] | None] = None

    @property
    def made_from_batch(self) -> bool:
        """Whether a trajectory's weight depends on other trajectories of its batch."""
        return self.self_normalised

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse to normalise a single trajectory."""
        if self.self_normalised and variant.batch < 2:
            yield "self_normalised: true needs batch: 2 or more"

    def weights(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the weights, truncated first and then normalised as the options say."""
        found = self(ratios)
        if self.truncate_at is not None:
            found = truncated(found, self.truncate_at)
        return self_normalised(found, has_weight(found, ratios.mask)) if self.self_normalised else found

    def plain_symbol(self, trajectory: str, time: str) -> str:
        """Write the weight before it is truncated or normalised."""
        return f"{self.letter}_{trajectory}" if self.is_per_trajectory else f"{self.letter}_{{{trajectory},{time}}}"

    def symbol(self, trajectory: str, time: str) -> str:
        """Write the weight as it is used."""
        plain = self.plain_symbol(trajectory, time)
        if self.truncate_at is None and not self.self_normalised:
            return plain
        return rf"\tilde{{{self.letter}}}{plain.removeprefix(self.letter)}"

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the weight, the score and the advantage."""
        return rf"{self.symbol('i', 't')} \, {score('i', policy)} {scaled_advantage(variant)}"

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Define the weight as it is used, the plain one, and the ratio of a step."""
        del variant
        target, behaviour = probability(r"\theta'", "i"), probability(r"\theta", "i")
        by_name = rf"{self.plain_symbol('i', 't')} = \text{{{escaped(type(self).__name__)}}}"
        plain = (by_name,) if self.plain is None else self.plain
        return (*self._changes(), *plain, rf"\rho_{{i,t}} = \frac{{{target}}}{{{behaviour}}}")

    def _changes(self) -> tuple[str, ...]:
        own, others = self._truncated_symbol("i"), self._truncated_symbol("j")
        limit = () if self.truncate_at is None else (f"c = {self.truncate_at:g}",)
        if not self.self_normalised:
            return (f"{self.symbol('i', 't')} = {own}", *limit) if limit else ()
        if self.is_per_trajectory:
            return (rf"{self.symbol('i', 't')} = \frac{{N \, {own}}}{{\sum_{{j=1}}^{{N}} {others}}}", *limit)
        normalised = rf"{self.symbol('i', 't')} = \frac{{n_t \, {own}}}{{\sum_{{j : T_j \geq t}} {others}}}"
        return (normalised, r"n_t = | \{ j : T_j \geq t \} |", *limit)

    def _truncated_symbol(self, trajectory: str) -> str:
        plain = self.plain_symbol(trajectory, "t")
        return plain if self.truncate_at is None else rf"\min({plain}, c)"
