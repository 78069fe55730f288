"""Resolve the abbreviations of a study file: `seeds` for all experiments, `joins`, and `extends`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pg.core.suggestions import listed, nearest, unknown

# Parts of a variant whose mappings have a name. Other parts (limit, start, optimizer) need none and are merged.
_PARTS = ("returns", "baseline", "importance")
_LONGEST_CHAIN = 50
_WITHOUT_SEEDS = re.compile(r"experiments\.([^.]+)\.seeds(\.count)?: is missing")


def resolved(options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a study's options with `seeds`, `joins` and `extends` resolved, and the problems of these.

    Values of a wrong type are kept; the records refuse them. It is a problem if a variant or an environment joins an
    unknown experiment or one that lists it already, or if a variant extends an unknown variant or itself.
    """
    shared = _entries(options, "seeds")
    experiments = {name: _seeded(one, shared) for name, one in _entries(options, "experiments").items()}
    sections: dict[str, dict[str, Any]] = {"experiments": experiments}
    problems: list[str] = []
    for section in ("environments", "variants"):
        declared = _entries(options, section)
        sections[section] = {name: _without(one, "joins") for name, one in declared.items()}
        for name, one in declared.items():
            if isinstance(one, dict) and "joins" in one:
                problems += _join(experiments, section, name, one["joins"])
    variants = sections["variants"]
    chains = {name: _chain(name, variants) for name in variants}
    problems += dict.fromkeys(reason for _, reason in chains.values() if reason)
    # A variant that cannot be resolved keeps its `extends`.
    sections["variants"] = {
        name: variants[name] if reason else _merged_along(chain, variants) for name, (chain, reason) in chains.items()
    }
    return {**options, **{section: found for section, found in sections.items() if found}}, problems


def _entries(options: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a section's entries by name; empty if the section is missing or not a mapping."""
    declared = options.get(section)
    return declared if isinstance(declared, dict) else {}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings: values above override those below, lists are replaced, mappings are merged.

    A part of a variant that names another part replaces the one below with all its options.
    """
    result = dict(below)
    for key, value in above.items():
        old, new = result.get(key), value
        if key in _PARTS:
            old, new = ({"name": one} if isinstance(one, str) else one for one in (old, new))
        result[key] = value
        if isinstance(old, dict) and isinstance(new, dict):
            same_part = "name" not in new or new["name"] == old.get("name")
            if key not in _PARTS or same_part:
                result[key] = merged(old, new)
    return result


def _seeded(experiment: Any, shared: Mapping[str, Any]) -> Any:
    """Merge an experiment's seeds over the study's seeds for its kind."""
    if not isinstance(experiment, dict):
        return experiment
    default, own = shared.get(_seeds_key(experiment)), experiment.get("seeds", {})
    if not isinstance(default, dict) or not isinstance(own, dict):
        return experiment
    return {**experiment, "seeds": merged(default, own)}


def _seeds_key(experiment: Mapping[str, Any]) -> str:
    return "train" if experiment.get("kind") == "train" else "measure"


def _join(experiments: dict[str, Any], section: str, name: str, joins: Any) -> Iterator[str]:
    """Append a name to a list of each experiment; yield a message per problem."""
    at = f"{section}.{name}.joins"
    if not isinstance(joins, list):
        yield f"{at}: should be a list of experiments; it is {joins!r}"
        return
    yield from unknown(at, joins, experiments)
    for experiment in (one for one in joins if one in list(experiments)):
        declared = experiments[experiment]
        names = declared.get(section, []) if isinstance(declared, dict) else None
        if not isinstance(names, list):
            continue
        if name in names:
            yield f"{at}: {experiment} lists {name} already; remove one of the two"
        experiments[experiment] = {**declared, section: [*names, name]}


def _without(options: Any, key: str) -> Any:
    return {one: value for one, value in options.items() if one != key} if isinstance(options, dict) else options


def _chain(name: str, variants: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return a variant with the variants that it inherits from, and the problem of the last of them, if it has one."""
    chain = [name]
    while isinstance(options := variants[chain[-1]], dict) and "extends" in options:
        parent = options["extends"]
        if not isinstance(parent, str) or parent not in variants:
            known = nearest(str(parent), map(str, variants))
            return chain, f"variants.{chain[-1]}.extends: {parent!r} is not a variant{known}"
        if parent in chain:
            # All of a cycle report it from the one that is declared first.
            cycle = chain[chain.index(parent) :]
            first = cycle.index(min(cycle, key=list(variants).index))
            cycle = [*cycle[first:], *cycle[:first]]
            return chain, f"variants.{cycle[-1]}.extends: is part of a cycle: {' → '.join((*cycle, cycle[0]))}"
        chain.append(parent)
        if len(chain) > _LONGEST_CHAIN:
            return chain, f"variants: more than {_LONGEST_CHAIN} variants extend each other"
    return chain, ""


def _merged_along(chain: Sequence[str], variants: Mapping[str, Any]) -> Any:
    """Return the options of the first variant of a chain merged over those of the others."""
    name, *ancestors = chain
    if not ancestors:
        return variants[name]
    inherited = _merged_along(ancestors, variants)
    if not isinstance(inherited, dict):
        return variants[name]
    # A label names one variant: a child does not inherit it.
    return merged(_without(inherited, "label"), _without(variants[name], "extends"))


def reported_once(problems: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Report an inherited problem only at the key that is in the file, and missing seeds in one message.

    Problems begin with their place in the file; `options` are as the file declares them, before `resolved`.
    """
    own = [problem for problem in problems if not _is_inherited(problem, problems, options)]
    unseeded = [found[1] for found in map(_WITHOUT_SEEDS.fullmatch, own) if found]
    if len(unseeded) < 2:
        return own
    experiments = _entries(options, "experiments")
    missing = sorted({_seeds_key(_entries(experiments, name)) for name in unseeded}, reverse=True)
    remedy = ", ".join(f"{one}: {{count: 20}}" for one in missing)
    place = "seeds" if len(missing) > 1 else f"seeds.{missing[0]}"
    return [
        f"{place}: is missing; add seeds: {{{remedy}}}, or seeds to each experiment without any:{listed(unseeded)}",
        *(problem for problem in own if not _WITHOUT_SEEDS.fullmatch(problem)),
    ]


def _is_inherited(problem: str, problems: Sequence[str], options: Mapping[str, Any]) -> bool:
    """Return whether a problem's key is not in the file, and the entry that it is inherited from has the problem."""
    match problem.split(": ")[0].split("."):
        case ["variants", name, *keys]:
            own: Any = _entries(_entries(options, "variants"), name)
            own_key, source = f"variants.{name}", f"variants.{own.get('extends')}"
        case ["experiments", name, "seeds", *keys]:
            experiment = _entries(_entries(options, "experiments"), name)
            own = experiment.get("seeds", {})
            own_key, source = f"experiments.{name}.seeds", f"seeds.{_seeds_key(experiment)}"
        case _:
            return False
    if source + problem.removeprefix(own_key) not in problems:
        return False
    for key in keys:
        if not isinstance(own, dict):
            return False
        if key not in own:
            return True
        own = own[key]
    return not keys
