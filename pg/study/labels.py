"""The names of variants and environments for readers."""

from __future__ import annotations

from pg.study.record import Study


def label(study: Study, variant: str) -> str:
    """Return the label of a variant, or its key with spaces for underscores."""
    return study.variants[variant].label or variant.replace("_", " ")


def environment_label(study: Study, environment: str) -> str:
    """Return the label of an environment, or its gymnasium id."""
    return study.environments[environment].label or study.environments[environment].id
