"""Format numbers for people."""

from __future__ import annotations


def signed(value: float) -> str:
    """Write a number with a minus sign in place of a hyphen."""
    return (f"{value:g}" if isinstance(value, float) else f"{value}").replace("-", "−")
