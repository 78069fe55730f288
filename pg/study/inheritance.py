"""Variants that extend others: what they inherit, and that what is wrong with it is told where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pg.core.suggestions import nearest


class ExtensionError(ValueError):
    """A variant extends something that it cannot extend."""


def extended(variants: Mapping[str, Any]) -> dict[str, Any]:
    """Replace `extends: other` by the other variant's options, its own options winning, nested ones merged.

    Raises
    ------
    ExtensionError
        If a variant extends an unknown variant, or itself by a detour.
    """
    return {name: _extend(name, variants, ()) for name in variants}


def _extend(name: str, variants: Mapping[str, Any], heirs: tuple[str, ...]) -> Any:
    options, heirs = variants[name], (*heirs, name)
    if not isinstance(options, dict) or "extends" not in options:
        return options
    parent, at = options["extends"], f"variants.{name}.extends"
    if not isinstance(parent, str) or parent not in variants:
        raise ExtensionError(f"{at}: {parent!r} is not a variant{nearest(str(parent), map(str, variants))}")
    if parent in heirs:
        raise ExtensionError(f"{at}: goes in a circle: {' → '.join((*heirs, parent))}")
    inherited = _extend(parent, variants, heirs)
    if not isinstance(inherited, dict):
        return options
    own = {key: value for key, value in options.items() if key != "extends"}
    # A label names one variant; an heir that kept it would be drawn under its parent's name.
    return _merged({key: value for key, value in inherited.items() if key != "label"}, own)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both_nested else value
    return merged


def told_once(problems: Sequence[str], variants: Mapping[str, Any]) -> list[str]:
    """Leave out what a variant has wrong by inheritance: it is told of the variant in which it was written.

    Parameters
    ----------
    problems
        Each begins with its place in the file.
    variants
        As the file declares them, before any was extended.
    """
    heirs = {name: one for name, one in variants.items() if isinstance(one, dict) and "extends" in one}
    inherited = {
        f"variants.{name}{told}"
        for name, own in heirs.items()
        for told in _told_of(str(own["extends"]), problems)
        if not _writes(own, told.split(": ")[0])
    }
    return [problem for problem in problems if problem not in inherited]


def _told_of(variant: str, problems: Iterable[str]) -> Iterator[str]:
    """Select what is told of a variant, from the place below it on."""
    at = f"variants.{variant}"
    return (problem.removeprefix(at) for problem in problems if problem.startswith((f"{at}.", f"{at}:")))


def _writes(own: Any, place: str) -> bool:
    """Tell whether options hold a place themselves; an illegal combination of options has no place of its own."""
    _, *parts = place.split(".")
    for part in parts:
        if not isinstance(own, dict):
            return True
        if part not in own:
            return False
        own = own[part]
    return bool(parts)
