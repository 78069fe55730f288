"""Turn the errors of pydantic into messages: the place in the file, what is wrong, and what is allowed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from pydantic_core import ErrorDetails

from pg.claims.record import Claim
from pg.core.record import UNKNOWN_KEY, Record
from pg.core.suggestions import hint, listed, nearest
from pg.environments.record import Environment
from pg.experiments.registry import KINDS
from pg.parts.variant import Variant
from pg.plotting.record import Figure

_LONGEST_WRITTEN_OUT = 1e9
_LONGEST_EXAMPLE = 150
_MOST_PLACES = 2
_NEAR = 0.8  # similarity of a key and a misspelt one
_LEVELS_OF_PARTS = 4  # claims, NAME, parts, NAME
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "lr": "learning_rate",
        "gamma": "discount",
        "gae_lambda": "lambda",
        "n_epochs": "gradient_steps",
        "update_epochs": "gradient_steps",
        "n_minibatches": "minibatches",
        "max_episode_steps": "horizon",
        "max_steps": "horizon",
    }
)
"""Names of options in other libraries."""
_RECORDS: Mapping[str, tuple[type[Record], ...]] = MappingProxyType(
    {
        "environments": (Environment,),
        "variants": (Variant,),
        "experiments": tuple(KINDS.values()),
        "claims": (Claim,),
        "figures": (Figure,),
    }
)


def readable(errors: list[ErrorDetails], resolved: Mapping[str, Any]) -> list[str]:
    """Return one message per place.

    Parameters
    ----------
    errors
        The errors of a validation.
    resolved
        The options that were validated, with `extends` resolved.
    """
    by_place: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        # If no item of a list is legal, pydantic reports that the list is too short as well.
        if error["type"] != "too_short" or not error["input"]:
            by_place.setdefault(".".join(_place(error, resolved)), []).append(error)
    return [f"{place or 'the study'}: {_in_words_at(place, found, resolved)}" for place, found in by_place.items()]


def belonging(key: str, value: Any, section: str, above: str = "") -> str:
    """Return where a key belongs that is unknown at its place, as the end of a message; empty if that is unclear.

    Parameters
    ----------
    key, value
        What was given.
    section
        The section in which it was given, or the kind of experiment; empty for the study itself.
    above
        The option in which it was given; empty for an entry itself.
    """
    key = SYNONYMS.get(key, key)
    records = (KINDS[section],) if section in KINDS else _RECORDS.get(section, ())
    section = section if section in _RECORDS or not section else "experiments"
    if any(key in record.file_keys() for record in records):
        return f": {key} is an option of {section}, not of {above}" if above else f"; write {key}: {flow(value)}"
    if options := inside(key, value, *records):
        return f"; write {_written(options)}"
    if not above and get_close_matches(
        key, [known for record in records for known in record.file_keys()], cutoff=_NEAR
    ):
        # A slip of the pen is more likely than a key of another section.
        return ""
    owners = [one for one, known in _RECORDS.items() if any(key in record.file_keys() for record in known)]
    if owners and section not in owners:
        return f": {key} is an option of {' and '.join(owners)}, not of {above or section or 'the study'}"
    others = {one: options for one, known in _RECORDS.items() if (options := inside(key, value, *known))}
    if len(others) == 1:
        [(owner, options)] = others.items()
        return f"; write {_written(options)} in {owner}"
    return ""


def inside(key: str, value: Any, *records: type[Record]) -> dict[str, dict[str, Any]]:
    """Return the options of records that have a key inside, with what to write there; none if these are many.

    Options that have the key in one of several parts are left out if another option has it in any case.

    Examples
    --------
    >>> inside("learning_rate", 0.1, Variant)
    {'optimizer': {'learning_rate': 0.1}}
    >>> inside("fit_steps", 9, Variant)
    {'baseline': {'name': 'value_network', 'fit_steps': 9}}
    """
    unnamed: dict[str, dict[str, Any]] = {}
    named: dict[str, dict[str, Any]] = {}
    for schema in (record.model_json_schema() for record in records):
        for option, described in schema["properties"].items():
            entries = described.get("patternProperties", {}).values()
            alternatives = [one["$ref"] for one in (described, *described.get("anyOf", ()), *entries) if "$ref" in one]
            choices = [schema["$defs"][one.rpartition("/")[2]]["properties"] for one in alternatives]
            having = next((choice for choice in choices if key in choice), None)
            if having is None or "const" in having[key]:
                continue
            name = {known: one["const"] for known, one in having.items() if "const" in one}
            if entries:
                unnamed[option] = {"NAME": {key: value}}
            elif not name or key in (described.get("default") or {}):
                unnamed[option] = {key: value}
            else:
                named[option] = {**name, key: value}
    found = unnamed or named
    return found if len(found) <= _MOST_PLACES else {}


def flow(value: Any) -> str:
    """Write a value on one line, as in a study file."""
    match value:
        case Mapping():
            return f"{{{', '.join(f'{key}: {flow(one)}' for key, one in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str() if value.isidentifier():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _written(options: Mapping[str, Mapping[str, Any]]) -> str:
    written = " or ".join(f"{option}: {flow(keys)}" for option, keys in options.items())
    return written if len(written) <= _LONGEST_EXAMPLE else f"{written[:_LONGEST_EXAMPLE]}…"


def _place(error: ErrorDetails, options: Any) -> list[str]:
    """Return the path in the file: pydantic's path without the names of union members."""
    place: list[str] = []
    here: Any = options
    for step in error["loc"]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            if error["type"] != "missing" or step != error["loc"][-1]:
                continue
        place.append(str(step))
    return place


def _in_words_at(place: str, errors: list[ErrorDetails], resolved: Mapping[str, Any]) -> str:
    text = _in_words(errors)
    if not text.startswith(UNKNOWN_KEY):
        return text
    match place.split("."):
        case [key] if "variants" in resolved:
            known = belonging(key, errors[0]["input"], "")
        case ["experiments", name, *above, key] if isinstance(entry := resolved["experiments"].get(name), dict):
            known = belonging(key, errors[0]["input"], str(entry.get("kind", "experiments")), ".".join(above))
        case [section, _, *above, key] if section in _RECORDS:
            known = belonging(key, errors[0]["input"], section, ".".join(above))
        case _:
            known = ""
    return f"{UNKNOWN_KEY}{known}" if known else text


def _in_words(errors: list[ErrorDetails]) -> str:
    first = errors[0]
    match first["type"]:
        case "missing":
            return "is missing"
        case "too_short":
            return "is empty, and needs at least 1 item"
        case "string_pattern_mismatch" | "string_too_long":
            rule = "a name has 1 to 60 letters, digits, - and _, and begins with a letter or a digit"
            if first["loc"] == ("results",):
                rule = "must be a relative folder of letters, digits, '.', '_' and '-', such as results/mine"
            return f"{rule}; it is {first['input']!r}"
        case "union_tag_not_found":
            return f"kind: is missing; allowed:{listed(KINDS)}"
        case "union_tag_invalid":
            tag = str(first.get("ctx", {}).get("tag"))
            return f"kind: {tag!r} is not known{nearest(tag, KINDS)}"
        case "value_error":
            return plain(first["msg"])
        case _:
            reasons = " or ".join(dict.fromkeys(plain(error["msg"]) for error in errors))
            given = first["input"]
            return f"{reasons}; it is {list(given) if isinstance(given, tuple) else given!r}{_advice(first)}"


def _advice(error: ErrorDetails) -> str:
    """Return the nearest literal, how to name a side of a claim, or how to write a number that YAML reads as text."""
    given = error["input"]
    if error["type"] == "dict_type" and error["loc"][0] == "claims" and len(error["loc"]) > _LEVELS_OF_PARTS:
        return f"; write {{variant: {given}}}"
    if error["type"] == "literal_error":
        return hint(str(given), re.findall(r"'([^']*)'", error.get("ctx", {})["expected"]))
    try:
        number = float(given) if isinstance(given, str) else math.nan
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    if "e" not in given.lower():
        in_braces = "; numbers in braces after --config become text: write them in the study file"
        return f"; it is text: leave the quotes out, as in {given}{in_braces}"
    shown = f"{number:.0f}" if number.is_integer() and abs(number) < _LONGEST_WRITTEN_OUT else f"{number:.1e}"
    return f"; YAML reads {given} as text: write {shown}"


def plain(message: str) -> str:
    """Return a message of pydantic in the words of study files, and a message of our own without its prefix."""
    plain = message.removeprefix("Value error, ").replace("Input should be", "should be")
    return plain.replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping of keys to values")
