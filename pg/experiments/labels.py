"""Name variants in what an experiment shows of them."""

from __future__ import annotations

from collections.abc import Mapping

from pg.experiments.kind import Experiment
from pg.parts.equation import label_of
from pg.parts.variant import Variant


def variant_label(name: str, variants: Mapping[str, Variant], experiment: Experiment | None = None) -> str:
    """Return the label of a variant, or its key with spaces for underscores.

    In an experiment with batch sizes of its own, a label that is derived from the parts leaves out the batch size of
    training, unless another variant of the experiment has the same label then.
    """
    if experiment is None or not experiment.has_own_batches:
        return _label(name, variants)
    short = _without_batch(name, variants)
    others = [_without_batch(one, variants) for one in experiment.variants if one != name and one in variants]
    return _label(name, variants) if short in others else short


def _label(name: str, variants: Mapping[str, Variant]) -> str:
    return variants[name].label or name.replace("_", " ")


def _without_batch(name: str, variants: Mapping[str, Variant]) -> str:
    variant = variants[name]
    if variant.label != label_of(variant):
        return _label(name, variants)
    return label_of(variant.model_copy(update={"batch": Variant.model_fields["batch"].default}))
