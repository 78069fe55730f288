"""The base classes of corrections for data of an earlier policy, and of importance weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pg.parts.corrections.weights import has_weight, self_normalised
from pg.parts.notation import behaviour, probability, scaled_advantage, score
from pg.parts.part import Part

if TYPE_CHECKING:
    from pg.core.trajectories import Trajectories
    from pg.parts.annotations import Bool, Float, Tensor, Variant


@dataclass(frozen=True, slots=True)
class Ratios:
    r"""Trajectories of a behaviour policy π_θ, with their probability ratios under a target policy π_θ'.

    Attributes
    ----------
    log_ratios
        $\log \rho_t = \log \pi_{\theta'}(a_t \mid s_t) - \log \pi_\theta(a_t \mid s_t)$. Products of ratios are
        computed as sums of these, and exponentiated last.
    state_ratios
        $d_{\theta',t}(s_t) / d_{\theta,t}(s_t)$; None if they are unknown.
    """

    trajectories: Trajectories
    log_ratios: Float[Tensor, "S N T"]
    state_ratios: Float[Tensor, "S N T"] | None = None

    @property
    def mask(self) -> Bool[Tensor, "S N T"]:
        """True on valid steps."""
        return self.trajectories.mask


class Correction(Part):
    """The weights of data of an earlier policy."""

    corrects: ClassVar[bool] = True
    """Whether data are weighted at all."""
    needs_state_ratios: ClassVar[bool] = False
    """Whether it reads `ratios.state_ratios`, which come from the environment's tables."""

    @property
    def made_from_batch(self) -> bool:
        """Whether a trajectory's weight depends on other trajectories of its batch."""
        return False

    @property
    def is_idle_on_policy(self) -> bool:
        """Whether the correction does not change a bit of the estimate if both policies are the same."""
        return False

    @abstractmethod
    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the plain weights: (S, N, T) per step, zero after the last, or (S, N, 1) per trajectory.

        Raises
        ------
        NonFiniteWeights
            If a weight is not finite.
        """

    def weights(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the weights after truncation and normalisation."""
        return self(ratios)

    def log_weights(self, ratios: Ratios) -> Float[Tensor, " n"]:
        """Return the logarithms of the n plain weights."""
        weights = self(ratios)
        return weights[has_weight(weights, ratios.mask)].log()

    def weighted_returns(
        self, _ratios: Ratios, weights: Float[Tensor, "S N #T"], returns: Float[Tensor, "S N T"], _discount: float, /
    ) -> Float[Tensor, "S N T"]:
        """Return the weighted returns, from which the weighted baseline is subtracted."""
        return weights * returns

    def keeps(self, _ratios: Ratios, _advantages: Float[Tensor, "S N T"], /) -> Bool[Tensor, "S N T"] | None:
        """Return where the gradient is kept; None if it is kept everywhere."""

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the term of one step in the sum that estimates the gradient, at a policy θ or θ'."""
        return f"{score('i', policy)} {scaled_advantage(variant)}"


class ImportanceWeight(Correction):
    r"""A weight made of ratios, which may be bounded and self-normalised.

    Bounds lower the variance for some bias. Truncation, $\min(w, c)$ with $c \ge 1$: Ionides 2008, "Truncated
    importance sampling", Journal of Computational and Graphical Statistics 17. The power mean of w and 1 with exponent
    -1, $w / (1 - \kappa + \kappa w) \le 1 / \kappa$: Metelli, Russo & Restelli 2021, "Subgaussian and differentiable
    importance sampling for off-policy evaluation and learning".
    """

    self_normalised: bool = Field(default=False, description="Scale importance weights to a mean of 1.")
    truncate_at: Annotated[float, Field(ge=1)] | None = Field(
        default=None, description="Largest importance weight; larger ones are set to it, before normalisation."
    )
    power_mean: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="κ: replace a weight w by the power mean w / (1 − κ + κ w), which is at most 1/κ, before "
        "normalisation.",
    )

    letter: ClassVar[str] = "w"
    """LaTeX of the plain weight."""
    is_per_trajectory: ClassVar[bool] = False
    """Whether all steps of a trajectory have the same weight."""
    plain: ClassVar[tuple[str, ...] | None] = None
    """LaTeX equations that define the plain weight; by default its symbol is defined by the name of the class."""

    @property
    def made_from_batch(self) -> bool:
        """Whether the weights are normalised over the batch."""
        return self.self_normalised

    def problems(self, variant: Variant) -> Iterator[str]:
        """Refuse to normalise a single trajectory, and two bounds."""
        if self.self_normalised and variant.batch < 2:
            yield "self_normalised: true needs batch: 2 or more"
        if self.truncate_at is not None and self.power_mean is not None:
            yield "power_mean bounds weights as truncate_at does; remove one"

    def weights(self, ratios: Ratios) -> Float[Tensor, "S N #T"]:
        """Return the weights, bounded first and then normalised as the options say."""
        found = self(ratios)
        if self.power_mean is not None:
            # Exactly 1 for a weight of 1.
            found = found / (1 + self.power_mean * (found - 1))
        if self.truncate_at is not None:
            found = found.clamp(max=self.truncate_at)
        return self_normalised(found, has_weight(found, ratios.mask)) if self.self_normalised else found

    def weight_symbol(self, trajectory: str, time: str, *, is_plain: bool = False) -> str:
        """Write the weight as it is used, or before it is truncated or normalised."""
        letter = self.letter if is_plain or not self._is_changed else rf"\tilde{{{self.letter}}}"
        return f"{letter}_{trajectory}" if self.is_per_trajectory else f"{letter}_{{{trajectory},{time}}}"

    def weighted_score(self, variant: Variant, policy: str) -> str:
        """Write the weight, the score and the advantage."""
        return rf"{self.weight_symbol('i', 't')} \, {super().weighted_score(variant, policy)}"

    def definitions(self, variant: Variant, /) -> tuple[str, ...]:
        """Define the weight as it is used, the plain one, and the ratio of a step."""
        used, own, other = self.weight_symbol("i", "t"), *(self.weight_symbol(i, "t", is_plain=True) for i in "ij")
        plain = self._named(own) if self.plain is None else self.plain
        changes = [f"c = {self.truncate_at:g}"] if self.truncate_at is not None else []
        if changes:
            own, other = rf"\min({own}, c)", rf"\min({other}, c)"
        if self.power_mean is not None:
            own, other = (rf"\frac{{{one}}}{{1 - \kappa + \kappa \, {one}}}" for one in (own, other))
            changes = [rf"\kappa = {self.power_mean:g}"]
        if not self.self_normalised:
            changes = [f"{used} = {own}", *changes] if changes else []
        elif self.is_per_trajectory:
            changes = [rf"{used} = \frac{{N \, {own}}}{{\sum_{{j=1}}^{{N}} {other}}}", *changes]
        else:
            normalised = rf"{used} = \frac{{n_t \, {own}}}{{\sum_{{j : T_j \geq t}} {other}}}"
            changes = [normalised, r"n_t = | \{ j : T_j \geq t \} |", *changes]
        target, below = probability(r"\theta'", "i"), behaviour(variant, "i")
        return (*changes, *plain, rf"\rho_{{i,t}} = \frac{{{target}}}{{{below}}}")

    @property
    def _is_changed(self) -> bool:
        return self.truncate_at is not None or self.power_mean is not None or self.self_normalised
