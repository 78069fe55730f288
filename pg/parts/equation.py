"""A variant's gradient estimator in LaTeX, in the form of the lecture, assembled from its parts."""

from __future__ import annotations

from pg.parts.notation import advantage, subscript
from pg.parts.variant import Variant


def equation(variant: Variant) -> str:
    r"""Write a variant's gradient estimator in LaTeX, without the dollar signs.

    The form is that of the lecture, "How to implement policy gradients?",
    $\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \,
    (\sum_{t'=t}^T r(s_{i,t'}, a_{i,t'}) - b)$, and that of "Off-policy policy gradient" at θ' where data are reused.
    With minibatches the sum over i is that of one minibatch; baselines and normalisation are those of the whole batch.
    `definitions` defines the symbols.
    """
    reuses = variant.importance.corrects or variant.gradient_steps * variant.minibatches > 1
    policy = r"\theta'" if reuses else r"\theta"
    return (
        rf"\nabla_{subscript(policy)} J({policy}) \approx \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} \sum_{{t=1}}^{{T}} "
        + (r"\gamma^{t-1} \, " if variant.discount_states else "")
        + variant.importance.weighted_score(variant, policy)
    )


def definitions(variant: Variant) -> tuple[str, ...]:
    """Return LaTeX equations, one per symbol of `equation` that the lecture does not define."""
    return (
        *variant.importance.definitions(variant),
        *_normalisation(variant),
        *variant.returns.definitions(variant),
        *variant.baseline.definitions(variant),
        *_discount(variant),
        *_steps(variant),
        *(() if variant.kl is None else variant.kl.definitions(variant)),
        *variant.initialise.definitions(variant),
    )


def _normalisation(variant: Variant) -> tuple[str, ...]:
    if not variant.normalise_advantages:
        return ()
    return (
        f"A_{{i,t}} = {advantage(variant)}",
        r"\bar{A} = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} A_{i,t}",
        r"\sigma_A^2 = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} (A_{i,t} - \bar{A})^2",
    )


def _discount(variant: Variant) -> tuple[str, ...]:
    return () if variant.discount == 1 else (rf"\gamma = {variant.discount:g}",)


def _steps(variant: Variant) -> tuple[str, ...]:
    passes = rf"K = {variant.gradient_steps} \quad \text{{passes over each batch}}"
    parts = rf"M = {variant.minibatches} \quad \text{{parts of whole trajectories, a step on each}}"
    return (*((passes,) if variant.gradient_steps > 1 else ()), *((parts,) if variant.minibatches > 1 else ()))
