"""The concept that sets a variant apart, which gives it its colour in all figures."""

from __future__ import annotations

from pg.parts.variant import Variant


def concept(variant: Variant) -> str:
    """Name what sets an estimator apart, as `style.COLOURS` lists it.

    That is the limit on the KL divergence if there is one; else how old data are weighted; else where training starts
    from; else what is subtracted from the return. An estimator that weights no old data has the colour of its baseline.
    """
    if variant.kl is not None:
        return f"limit: {variant.kl.name}"
    if variant.importance.name != "none":
        is_clipped = getattr(variant.importance, "clip", None) is not None
        return "weights: clipped" if is_clipped else f"weights: {variant.importance.name}"
    if variant.initialise.name != "random":
        return f"start: {variant.initialise.name}"
    returns = "total" if variant.returns.name == "total" else "baseline"
    return f"{returns}: {variant.baseline.name}"
