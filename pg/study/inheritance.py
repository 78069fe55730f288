"""Resolve what a study file abbreviates: `seeds` for all experiments, `joins`, and `extends`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pg.core.suggestions import nearest, unknown
from pg.study.refusal import InvalidStudy

# Parts of a variant. A mapping of another part (limit, start, optimizer) may have no name, and is merged.
_PARTS = ("returns", "baseline", "importance")


def resolved(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's options with `seeds`, `joins` and `extends` resolved.

    Values of a wrong type are kept; the records refuse them.

    Raises
    ------
    InvalidStudy
        If a variant or an environment joins an unknown experiment or one that lists it already, or a variant extends
        an unknown variant or itself.
    """
    options = _joined(_with_seeds(options))
    variants = entries(options, "variants")
    return {**options, "variants": extended(variants)} if variants else options


def entries(options: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a section's entries by name; empty if the section is missing or not a mapping."""
    declared = options.get(section)
    return declared if isinstance(declared, dict) else {}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings: values above override those below, lists are replaced, mappings are merged.

    A part of a variant that names another part replaces the one below with all its options.
    """
    result = dict(below)
    for key, value in above.items():
        old, new = (_part(result.get(key)), _part(value)) if key in _PARTS else (result.get(key), value)
        if isinstance(old, dict) and isinstance(new, dict) and not (key in _PARTS and _names_another(old, new)):
            result[key] = merged(old, new)
        else:
            result[key] = value
    return result


def _part(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


def _names_another(below: Mapping[str, Any], above: Mapping[str, Any]) -> bool:
    return "name" in above and above["name"] != below.get("name")


def _with_seeds(options: Mapping[str, Any]) -> dict[str, Any]:
    """Merge each experiment's seeds over the study's seeds for its kind."""
    experiments = entries(options, "experiments")
    shared = entries(options, "seeds")
    if not shared or not experiments:
        return dict(options)
    return {**options, "experiments": {name: _seeded(one, shared) for name, one in experiments.items()}}


def _seeded(experiment: Any, shared: Mapping[str, Any]) -> Any:
    if not isinstance(experiment, dict):
        return experiment
    default, own = shared.get(_shared_by(experiment)), experiment.get("seeds", {})
    if not isinstance(default, dict) or not isinstance(own, dict):
        return experiment
    return {**experiment, "seeds": merged(default, own)}


def _shared_by(experiment: Mapping[str, Any]) -> str:
    return "train" if experiment.get("kind") == "train" else "measure"


def _joined(options: Mapping[str, Any]) -> dict[str, Any]:
    """Append each environment and variant to the experiments that it joins."""
    experiments = dict(entries(options, "experiments"))
    sections: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for section in ("environments", "variants"):
        declared = entries(options, section)
        sections[section] = {name: _without(one, "joins") for name, one in declared.items()}
        for name, one in declared.items():
            if isinstance(one, dict) and "joins" in one:
                problems += _join(experiments, section, name, one["joins"])
    if problems:
        raise InvalidStudy(problems)
    changed = {**sections, "experiments": experiments}
    return {**options, **{section: found for section, found in changed.items() if found}}


def _join(experiments: dict[str, Any], section: str, name: str, joins: Any) -> Iterator[str]:
    """Append a name to a list of each experiment; yield a message per problem."""
    at = f"{section}.{name}.joins"
    if not isinstance(joins, list):
        yield f"{at}: should be a list of experiments; it is {joins!r}"
        return
    yield from unknown(at, joins, experiments)
    for experiment in (one for one in joins if one in list(experiments)):
        declared = experiments[experiment]
        listed = declared.get(section, []) if isinstance(declared, dict) else None
        if not isinstance(listed, list):
            continue
        if name in listed:
            yield f"{at}: {experiment} lists {name} already; remove one of the two"
        experiments[experiment] = {**declared, section: [*listed, name]}


def _without(options: Any, key: str) -> Any:
    return {one: value for one, value in options.items() if one != key} if isinstance(options, dict) else options


def extended(variants: Mapping[str, Any]) -> dict[str, Any]:
    """Replace `extends: other` by the other variant's options; own options override them, mappings are merged.

    Raises
    ------
    InvalidStudy
        If a variant extends an unknown variant, or itself through others.
    """
    return {name: _extend(name, variants, ()) for name in variants}


def _extend(name: str, variants: Mapping[str, Any], heirs: tuple[str, ...]) -> Any:
    options, heirs = variants[name], (*heirs, name)
    if not isinstance(options, dict) or "extends" not in options:
        return options
    parent, at = options["extends"], f"variants.{name}.extends"
    if not isinstance(parent, str) or parent not in variants:
        raise InvalidStudy([f"{at}: {parent!r} is not a variant{nearest(str(parent), map(str, variants))}"])
    if parent in heirs:
        raise InvalidStudy([f"{at}: is a cycle: {' → '.join((*heirs, parent))}"])
    inherited = _extend(parent, variants, heirs)
    if not isinstance(inherited, dict):
        return options
    # A label names one variant: a child does not inherit it.
    return merged(_without(inherited, "label"), _without(options, "extends"))


def reported_once(problems: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Drop inherited problems; each is reported once, at the key that is in the file.

    Parameters
    ----------
    problems
        Each begins with its place in the file.
    options
        As the file declares them, before `resolved`.
    """
    inherited = {
        f"{heir}{problem}"
        for heir, source, own in _inheritances(options)
        for problem in _problems_of(source, problems)
        if not _writes(own, problem.split(": ")[0])
    }
    return [problem for problem in problems if problem not in inherited]


def _inheritances(options: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the place that inherits, the place that it inherits from, and its own options."""
    for name, one in entries(options, "variants").items():
        if isinstance(one, dict) and "extends" in one:
            yield f"variants.{name}", f"variants.{one['extends']}", one
    for name, one in entries(options, "experiments").items():
        if isinstance(one, dict):
            yield f"experiments.{name}.seeds", f"seeds.{_shared_by(one)}", one.get("seeds", {})


def _problems_of(source: str, problems: Iterable[str]) -> Iterator[str]:
    """Yield the problems at a key and below it, without the prefix of that key."""
    return (problem.removeprefix(source) for problem in problems if problem.startswith((f"{source}.", f"{source}:")))


def _writes(own: Any, place: str) -> bool:
    """Return whether options set the key at a place themselves; False if the place is the record as a whole."""
    _, *parts = place.split(".")
    for part in parts:
        if not isinstance(own, dict):
            return True
        if part not in own:
            return False
        own = own[part]
    return bool(parts)
