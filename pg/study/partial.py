"""Cut out of a study what has a problem, and what depends on it, so that the rest can still be checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SECTIONS = ("environments", "variants", "experiments", "figures", "claims", "questions")
"""The sections of a study file that have named entries which name each other."""

# Keys that name entries, by the section of these.
_NAMED_BY = {
    "environments": ("environment", "environments"),
    "variants": ("variant", "variants", "extends"),
    "experiments": ("experiment", "against", "pooled"),
    "figures": ("figure",),
}
_SECTION_OF = {key: section for section, keys in _NAMED_BY.items() for key in keys}

Entry = tuple[str, str]


def without_faulty(options: Mapping[str, Any], problems: Iterable[str]) -> dict[str, Any]:
    """Return a study's options without the keys that messages begin with.

    Of a section, the entry with the problem is left out, and entries that name it. So are defaults of figures, which
    name variants.
    """
    places = [problem.split(": ")[0].split(".") for problem in problems]
    faulty = {(place[0], place[1]) for place in places if place[0] in SECTIONS and len(place) > 1}
    others = {place[0] for place in places if place[0] not in SECTIONS or len(place) == 1}
    faulty |= {(key, name) for key in others & {*SECTIONS} for name in _names(options.get(key))}
    sections = {key: options[key] for key in SECTIONS if isinstance(options.get(key), dict)}
    left_out = _with_dependents(sections, faulty)
    kept = {
        section: {name: entry for name, entry in entries.items() if (section, name) not in left_out}
        for section, entries in sections.items()
    }
    return {key: kept.get(key, value) for key, value in options.items() if key not in others | {"figure_defaults"}}


def _names(section: Any) -> Iterable[str]:
    return section if isinstance(section, dict) else ()


def _with_dependents(sections: Mapping[str, Mapping[str, Any]], faulty: set[Entry]) -> set[Entry]:
    """Return entries, and all that name one of them, directly or through others."""
    named = {(key, name): {*_named(entry)} for key, entries in sections.items() for name, entry in entries.items()}
    found = set[Entry]()
    while faulty:
        found |= faulty
        faulty = {entry for entry, names in named.items() if entry not in found and names & faulty}
    return found


def _named(value: object) -> Iterator[Entry]:
    """Yield the entries that a value names."""
    for key, item in value.items() if isinstance(value, Mapping) else ():
        for one in item if isinstance(item, list | tuple) else (item,):
            if key == "answers" and isinstance(one, str):
                section, name, *_ = (*one.split("."), "")
                yield section, name
            elif key in _SECTION_OF and isinstance(one, str):
                yield _SECTION_OF[key], one
            else:
                yield from _named(one)
