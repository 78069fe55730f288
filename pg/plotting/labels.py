"""How variants and environments are named where people read: in figures and on the page."""

from __future__ import annotations

from pg.study.record import Study


def label(study: Study, variant: str) -> str:
    """Name a variant as figures and the report do: its label, or its key in words."""
    return study.variants[variant].label or variant.replace("_", " ")


def environment_label(study: Study, environment: str) -> str:
    """Name an environment as figures and the report do: its label, or its gymnasium id."""
    return study.environments[environment].label or study.environments[environment].id
