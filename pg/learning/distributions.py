r"""What a network's outputs say of the next action, $\pi_\theta(\cdot \mid s)$: torch's distributions, made quickly."""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal
from torch.distributions.utils import lazy_property


def distribution_of(heads: Float[Tensor, "*n A"], log_std: Float[Tensor, "*S A"] | None) -> Distribution:
    """Return the categorical distribution of logits, or the Gaussian around means where there are standard deviations.

    Parameters
    ----------
    heads
        Logits, or means.
    log_std
        Logarithms of the Gaussian's standard deviations, the same in every state; None of discrete actions.
    """
    if log_std is None:
        return _Categorical(_log_softmax(heads))
    return Independent(Normal(heads, log_std.exp().expand_as(heads), validate_args=False), 1, validate_args=False)


def detached(distribution: Distribution) -> Distribution:
    """Return a policy's distribution cut off from the policy's parameters."""
    if isinstance(distribution, Categorical):
        return _Categorical(distribution.logits.detach())
    assert isinstance(distribution, Independent)
    base = cast(Normal, distribution.base_dist)
    return Independent(Normal(base.loc.detach(), base.scale.detach(), validate_args=False), 1, validate_args=False)


def _probabilities(distribution: Categorical) -> Tensor:
    return distribution.logits.exp()


class _Categorical(Categorical):
    """torch's distribution of logits that are normalised already."""

    probs = lazy_property(_probabilities)

    def __init__(self, normalised: Float[Tensor, "*n A"]) -> None:
        # torch's own constructor normalises once more, and its softmax of a few actions takes longer than the network.
        vars(self)["logits"] = self._param = normalised
        self._num_events = normalised.shape[-1]
        Distribution.__init__(self, normalised.shape[:-1], validate_args=False)


def _log_softmax(heads: Float[Tensor, "*n A"]) -> Float[Tensor, "*n A"]:
    """Normalise logits; they lie action by action in memory, so that sums over a few actions run along the states."""
    return heads.movedim(-1, 0).contiguous().log_softmax(0).movedim(0, -1)
