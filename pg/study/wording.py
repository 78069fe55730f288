"""Turn the errors of pydantic into messages: the place in the file, what is wrong, and what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
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
    return [f"{place or 'the study'}: {_in_words_at(place, found)}" for place, found in by_place.items()]


def owner(key: str, section: str) -> str:
    """Return of which other sections a key is an option, as the end of a message; empty if of none, or of this one."""
    owners = [one for one, records in _RECORDS.items() if any(key in record.file_keys() for record in records)]
    found = owners and section not in owners
    return f": {key} is an option of {' and '.join(owners)}, not of {section}" if found else ""


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


def _in_words_at(place: str, errors: list[ErrorDetails]) -> str:
    text = _in_words(errors)
    match place.split("."):
        case [section, _, key] if (
            text.startswith(UNKNOWN_KEY) and section in _RECORDS and (known := owner(key, section))
        ):
            return f"{UNKNOWN_KEY}{known}"
        case _:
            return text


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
            return f"{reasons}; it is {first['input']!r}{_advice(first)}"


def _advice(error: ErrorDetails) -> str:
    """Return the nearest literal, or how to write a number that YAML reads as text."""
    given = error["input"]
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
