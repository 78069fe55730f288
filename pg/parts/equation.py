"""How a variant is written: its gradient estimator in LaTeX, as in the lecture, and its label."""

from __future__ import annotations

from collections.abc import Iterable

from pg.core.foreign import texts_of
from pg.parts.notation import advantage, subscript
from pg.parts.part import Part
from pg.parts.variant import Variant


def equation(variant: Variant) -> str:
    r"""Write a variant's gradient estimator in LaTeX, without the dollar signs.

    The form is that of the lecture, "How to implement policy gradients?",
    $\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_i \sum_t \nabla_\theta \log \pi_\theta(a_{i,t} \mid s_{i,t}) \,
    (\sum_{t'=t}^T r(s_{i,t'}, a_{i,t'}) - b)$, and that of "Off-policy policy gradient" at θ' where data are reused.
    With minibatches the sum over i is that of one minibatch; baselines are those of the whole batch, and so is the
    normalisation, unless it is by minibatch.
    `definitions` defines the symbols.
    """
    policy = _target(variant)
    return (
        rf"\nabla_{subscript(policy)} J({policy}) \approx \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} \sum_{{t=1}}^{{T}} "
        + (r"\gamma^{t-1} \, " if variant.discount_states else "")
        + variant.importance.weighted_score(variant, policy)
    )


def definitions(variant: Variant) -> tuple[str, ...]:
    """Return LaTeX equations, one per symbol of `equation` that the lecture does not define."""

    def defined_by(part: Part) -> Iterable[str]:
        return texts_of(part.definitions, variant)

    written = [*defined_by(variant.importance)]
    if variant.normalise_advantages:
        written += [
            f"A_{{i,t}} = {advantage(variant)}",
            r"\bar{A} = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} A_{i,t}",
            r"\sigma_A^2 = \frac{1}{\sum_{i} T_i} \sum_{i=1}^{N} \sum_{t=1}^{T_i} (A_{i,t} - \bar{A})^2",
        ]
    written += [*defined_by(variant.returns), *defined_by(variant.baseline)]
    if variant.discount < 1:
        written.append(rf"\gamma = {variant.discount:g}")
    if variant.batches > 1 and variant.window is not None:
        written += defined_by(variant.window)
    if variant.gradient_steps > 1:
        written.append(rf"K = {variant.gradient_steps} \quad \text{{passes over each batch}}")
    if variant.minibatches > 1:
        written.append(rf"M = {variant.minibatches} \quad \text{{parts of whole trajectories, a step on each}}")
    if variant.normalise_advantages == "minibatch":
        written.append(r"\bar{A}, \, \sigma_A \quad \text{of the steps of each part}")
    if variant.entropy_bonus:
        policy = _target(variant)
        entropies = (
            rf"\sum_{{i=1}}^{{N}} \sum_{{t=1}}^{{T_i}} \mathcal{{H}}(\pi_{subscript(policy)}(\cdot \mid s_{{i,t}}))"
        )
        bonus = rf"\frac{{{variant.entropy_bonus:g}}}{{N}} {entropies}"
        written.append(rf"J({policy}) + {bonus} \quad \text{{is ascended in training}}")
    if variant.kl is not None:
        written += defined_by(variant.kl)
    return (*written, *defined_by(variant.optimizer), *defined_by(variant.initialise))


def label_of(variant: Variant) -> str:
    """Name a variant by its parts, as "to-go − per-step mean, normalised", and by settings that are not the defaults.

    Options of single parts, the policy and the learning rate are not named.
    """
    advantage = " − ".join(words for words in (variant.returns.words, variant.baseline.words) if words)
    further = (
        {False: "", True: "normalised", "minibatch": "normalised by minibatch"}[variant.normalise_advantages],
        "" if variant.entropy_bonus == 0 else f"entropy bonus {variant.entropy_bonus:g}",
        variant.importance.words,
        "" if variant.window is None else variant.window.words,
        "" if variant.kl is None else variant.kl.words,
        variant.optimizer.words,
        "" if variant.discount == 1 else f"γ = {variant.discount:g}",
        "" if variant.gradient_steps == 1 else f"K = {variant.gradient_steps}",
        "" if variant.batch == Variant.model_fields["batch"].default else f"N = {variant.batch}",
    )
    return ", ".join((advantage, *(words for words in further if words)))


def _target(variant: Variant) -> str:
    """Write the policy that a gradient step improves: θ' where data are reused or weighted."""
    reuses = variant.importance.corrects or variant.gradient_steps * variant.minibatches * variant.batches > 1
    return r"\theta'" if reuses else r"\theta"
