"""Compute the gradient estimates of many batches at once, with the estimator code of training; their least variance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from pg.core.trajectories import Trajectories, laid_out, valid_steps
from pg.environments.mdp import MDP
from pg.learning.advantages import advantages
from pg.learning.policies import Policy
from pg.learning.scores import Scores, alignments, products_of, scores
from pg.parts import estimator as compose
from pg.parts.baselines.constant import Constant
from pg.parts.batch import Batch
from pg.parts.critic import Critic
from pg.parts.variant import Variant

# Measured: smaller chunks need more calls, and larger tensors take more time per number.
_CHUNK_ELEMENTS = 2_000_000


def batch_gradients(
    policy: Policy, variant: Variant, batches: Trajectories, mdp: MDP | None = None
) -> Float[Tensor, "S D"]:
    """Return the gradient estimate of each of S batches by one estimator."""
    return gradients_of_all(policy, {"": variant}, batches, mdp)[""]


def gradients_of_all(
    policy: Policy,
    variants: Mapping[str, Variant],
    batches: Trajectories,
    mdp: MDP | None = None,
    critics: Mapping[str, Critic | None] = MappingProxyType({}),
) -> dict[str, Float[Tensor, "S D"]]:
    r"""Return the gradient estimates of several estimators from the same S batches of N trajectories of a policy.

    By the chain rule an estimate is $\sum_t \frac{\partial \tilde J}{\partial \log \pi(a_t \mid s_t)} \psi_t$: the
    scores $\psi_t$ are computed once, and each estimator's surrogate $\tilde J$ weights them. Estimators need the
    environment's tables, or a critic by the estimator's name, if their baseline does.
    """
    parts: list[dict[str, Tensor]] = []
    for some in map(batches.of_batches, chunks(policy, batches)):
        found = scores(policy, *valid_steps(some))
        parts.append(weighted_sums(found, some, _advantages(policy, variants, some, mdp, critics, found)))
    return {name: torch.cat([part[name] for part in parts]) for name in variants}


def chunks(policy: Policy, batches: Trajectories) -> Iterator[slice]:
    """Divide the S axis into ranges; the scores of a range are computed together."""
    widest = max(inputs + outputs for inputs, outputs in pairwise(policy.shape.sizes))
    per_chunk = max(1, _CHUNK_ELEMENTS // (widest * int(batches.lengths.sum(-1).max())))
    yield from (slice(start, start + per_chunk) for start in range(0, len(batches.mask), per_chunk))


def weighted_sums(
    found: Scores, batches: Trajectories, weights: Iterable[tuple[str, Float[Tensor, "S N T"]]]
) -> dict[str, Float[Tensor, "S D"]]:
    r"""Return the gradients of surrogates that weight the same scores differently, by the estimator's name.

    They are $\frac{1}{N} \sum_i \sum_t c_{i,t} \psi_{i,t}$ of each of S batches. `found` are the scores of all valid
    steps, and `weights` the factors $c_{i,t}$.
    """
    mask, lengths = batches.mask, batches.lengths.sum(-1)
    log_probs = laid_out(found.log_probs, mask).requires_grad_()
    gradients: dict[str, Tensor] = {}
    for name, weight in weights:
        objective = compose.surrogate(log_probs, weight, batches)
        (derivatives,) = torch.autograd.grad(objective.sum(), log_probs)
        gradients[name] = found.sums(derivatives[mask], lengths)
    return gradients


def _advantages(
    policy: Policy,
    variants: Mapping[str, Variant],
    batches: Trajectories,
    mdp: MDP | None,
    critics: Mapping[str, Critic | None],
    found: Scores,
) -> Iterator[tuple[str, Float[Tensor, "S N T"]]]:
    """Yield each variant's advantages; the score products that optimal baselines share are computed once."""
    known: dict[float, Tensor] = {}
    for name, variant in variants.items():
        if variant.baseline.needs_score_products:
            discount = variant.discount if variant.discount_states else 1.0
            if discount not in known:
                known[discount] = alignments(found, batches, Batch(variant, batches).state_weights)
            batch = Batch(variant, batches, lambda batch, aligned=known[discount]: products_of(aligned, batch.returns))
            yield name, compose.weights(variant, batches, compose.fixed(batch))
        else:
            yield name, advantages(policy, variant, batches, mdp, critics.get(name))


class BestConstant(NamedTuple):
    r"""The constant baseline of least variance of one trajectory's estimate.

    Attributes
    ----------
    variance
        The total variance with it, $v^*$.
    constant
        $b^*$.
    spread
        $\operatorname{tr Cov}(B)$ of the summed scores B: with a constant b the variance is $v^* + (b - b^*)^2
        \operatorname{tr Cov}(B)$.
    """

    variance: float
    constant: float
    spread: float

    def variance_of(self, constant: float) -> float:
        """Return the total variance with a constant baseline."""
        return self.variance + (constant - self.constant) ** 2 * self.spread


def above_rounding(
    gradients: Float[Tensor, "S D"], batches: Trajectories, without_baseline: float
) -> Float[Tensor, "S D"]:
    r"""Set estimates to 0 that only rounding makes, where all trajectories of a batch earn the same.

    Sums over T steps and N trajectories are off by at most $(T + N) \epsilon$, relative to the return.

    Parameters
    ----------
    gradients
        Estimates whose weights are in the unit of the return.
    batches
        Those of the estimates.
    without_baseline
        Their total variance without a baseline.
    """
    _, trajectories, steps = batches.mask.shape
    rounding = (trajectories + steps) * torch.finfo(batches.rewards.dtype).eps
    return gradients.where(gradients.square().sum(-1, keepdim=True) > rounding**2 * without_baseline, 0)


def best_constants(
    policy: Policy,
    variants: Mapping[str, Variant],
    trajectories: Trajectories,
    probabilities: Float[Tensor, " M"] | None = None,
) -> dict[str, BestConstant]:
    r"""Return, for each variant, the best constant baseline of one trajectory's estimate.

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
    found = {one: _best_constant(policy, one, trajectories, probabilities) for one in dict.fromkeys(plain.values())}
    return {name: found[one] for name, one in plain.items()}


def _best_constant(
    policy: Policy, plain: Variant, trajectories: Trajectories, probabilities: Float[Tensor, " M"] | None
) -> BestConstant:
    raised = plain.model_copy(update={"baseline": Constant(value=-1.0)})
    found = gradients_of_all(policy, {"plain": plain, "raised": raised}, trajectories)
    weighted, both = found["plain"].double(), found["raised"].double()
    scores, count = both - weighted, len(weighted)
    shares = torch.full((count,), 1 / count, dtype=torch.float64) if probabilities is None else probabilities
    weighted, scores = weighted - shares @ weighted, scores - shares @ scores
    spread = (shares @ scores.square().sum(-1)).item()
    constant = (shares @ (weighted * scores).sum(-1)).item() / spread if spread > 0 else 0.0
    variance = (shares @ (weighted - constant * scores).square().sum(-1)).item()
    # A sample's moments about its own means are too small.
    unbiased = 1.0 if probabilities is not None else count / (count - 1)
    return BestConstant(variance * unbiased, constant, spread * unbiased)
