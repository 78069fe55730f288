"""Name a variant by its parts, as "to-go − per-step mean, normalised"."""

from __future__ import annotations

from pg.parts.variant import Variant

_DEFAULT = Variant()


def label_of(variant: Variant) -> str:
    """Return the names of the estimator's parts, and the settings that differ from a variant's defaults.

    Options of single parts, the policy and the learning rate are not named.
    """
    advantage = " − ".join(words for words in (variant.returns.words, variant.baseline.words) if words)
    further = (
        "normalised" if variant.normalise_advantages else "",
        variant.importance.words,
        "" if variant.kl is None else variant.kl.words,
        variant.optimizer.words,
        "" if variant.discount == 1 else f"γ = {variant.discount:g}",
        "" if variant.gradient_steps == 1 else f"K = {variant.gradient_steps}",
        "" if variant.batch == _DEFAULT.batch else f"N = {variant.batch}",
    )
    return ", ".join((advantage, *(words for words in further if words)))
