"""The least variance that a constant baseline can achieve for a policy."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories
from pg.laboratory.gradients import gradients_of_all
from pg.learning.policies import Policy
from pg.parts.baselines.constant import Constant
from pg.parts.variant import Variant


def least_variances(
    policy: Policy,
    variants: Mapping[str, Variant],
    trajectories: Trajectories,
    probabilities: Float[Tensor, " M"] | None = None,
) -> dict[str, float]:
    r"""Return, for each variant, the total variance of one trajectory's estimate with the best constant baseline.

    With $A = \sum_t \psi_t W_t$ and $B = \sum_t \psi_t$ the variance $\operatorname{tr Cov}(A - bB)$ is least at $b^* =
    \operatorname{tr Cov}(A, B) / \operatorname{tr Cov}(B)$. That of a batch is smaller by its size N. Only a variant's
    returns matter, not its baseline. λ-returns depend on the baseline; rewards-to-go replace them.

    Parameters
    ----------
    policy, trajectories
        The policy, and S = M single trajectories of it, N = 1.
    variants
        By name.
    probabilities
        (M,) if the trajectories are enumerated. Default: they are a sample.

    Notes
    -----
    After Greensmith, Bartlett & Baxter 2004, section 4: since $\mathbb{E}[B] = 0$, $b^* = \mathbb{E}\langle A, B
    \rangle / \mathbb{E}\lVert B \rVert^2$.
    """
    plain = {
        name: Variant(
            returns="to_go" if variant.returns.needs_values else variant.returns,
            discount=variant.discount,
            discount_states=variant.discount_states,
            batch=1,
        )
        for name, variant in variants.items()
    }
    found = {one: _least_variance(policy, one, trajectories, probabilities) for one in dict.fromkeys(plain.values())}
    return {name: found[one] for name, one in plain.items()}


def _least_variance(
    policy: Policy, plain: Variant, trajectories: Trajectories, probabilities: Float[Tensor, " M"] | None
) -> float:
    raised = plain.model_copy(update={"baseline": Constant(value=-1.0)})
    found = gradients_of_all(policy, {"plain": plain, "raised": raised}, trajectories)
    weighted, both = found["plain"].double(), found["raised"].double()
    scores, count = both - weighted, len(weighted)
    shares = torch.full((count,), 1 / count, dtype=torch.float64) if probabilities is None else probabilities
    weighted, scores = weighted - shares @ weighted, scores - shares @ scores
    spread = (shares @ scores.square().sum(-1)).item()
    constant = (shares @ (weighted * scores).sum(-1)).item() / spread if spread > 0 else 0.0
    variance = (shares @ (weighted - constant * scores).square().sum(-1)).item()
    return variance if probabilities is not None else variance * count / (count - 1)
