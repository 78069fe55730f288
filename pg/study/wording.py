"""Turn the errors of pydantic into messages: the place in the file, what is wrong, and what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from pg.core.record import Record
from pg.core.suggestions import hint, listed, nearest
from pg.experiments.registry import KINDS

_LONGEST_WRITTEN_OUT = 1e9


def readable(errors: list[ErrorDetails], resolved: Mapping[str, Any]) -> list[str]:
    """Return one message per place.

    Parameters
    ----------
    errors
        The errors of a validation.
    resolved
        The options that were validated, with every variant extended.
    """
    by_place: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        # If no item of a list is legal, pydantic reports that the list is too short as well.
        if error["type"] != "too_short" or not error["input"]:
            by_place.setdefault(".".join(_place(error, resolved)), []).append(error)
    return [f"{place or 'the study'}: {_in_words(found)}" for place, found in by_place.items()]


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


def _in_words(errors: list[ErrorDetails]) -> str:
    first = errors[0]
    match first["type"]:
        case "missing":
            return "is missing"
        case "too_short":
            return "is empty, and needs at least 1 item"
        case "string_pattern_mismatch" | "string_too_long" if first["loc"] == ("results",):
            return (
                f"must be a relative folder of letters, digits, '.', '_' and '-', such as results/mine; it is "
                f"{first['input']!r}"
            )
        case "string_pattern_mismatch" | "string_too_long":
            rule = "a name has 1 to 60 letters, digits, - and _, and begins with a letter or a digit"
            return f"{rule}; it is {first['input']!r}"
        case "union_tag_not_found":
            return f"kind: is missing; allowed:{listed(KINDS)}"
        case "union_tag_invalid":
            context = first.get("ctx", {})
            tag = str(context.get("tag"))
            return f"kind: {tag!r} is not known{nearest(tag, KINDS)}"
        case "value_error":
            return plain(first["msg"])
        case "model_type" if len(errors) == 1:
            keys = _record_named(first.get("ctx", {})["class_name"]).file_keys()
            return f"{plain(first['msg'])}; it is {first['input']!r}; its keys:{listed(keys)}"
        case _:
            reasons = " or ".join(dict.fromkeys(plain(error["msg"]) for error in errors))
            return f"{reasons}; it is {first['input']!r}" + _advice(first)


def _advice(error: ErrorDetails) -> str:
    given = error["input"]
    if error["type"] == "literal_error":
        expected = str(error.get("ctx", {}).get("expected", "")).replace("'", "")
        return hint(str(given), expected.replace(" or ", ", ").split(", "))
    if isinstance(given, str) and _is_number(given):
        return _as_number(given)
    return ""


def _as_number(text: str) -> str:
    """Return how to write a number that YAML reads as text: it is in quotes, or has an exponent but no point."""
    if "e" not in text.lower():
        in_braces = "; --config makes text of numbers in braces: write them into the study file"
        return f"; it is text: leave the quotes out, as in {text}{in_braces}"
    number = float(text)
    shown = f"{number:.0f}" if number.is_integer() and abs(number) < _LONGEST_WRITTEN_OUT else f"{number:.1e}"
    return f"; YAML reads {text} as text: write {shown}"


def plain(message: str) -> str:
    """Return a message of pydantic in the words of study files, and a message of our own without its prefix."""
    plain = message.removeprefix("Value error, ").replace("Input should be", "should be")
    plain = re.sub(" or instance of [A-Za-z]+", "", plain)
    return plain.replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping of keys to values")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _record_named(name: str) -> type[Record]:
    records = [Record]
    for record in records:
        records += record.__subclasses__()
    return next(record for record in records if record.__name__ == name)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a record's fields by their keys in a file: the alias of a name that Python reserves, as `lambda`."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the record that an annotation names, if it names exactly one."""
    models = _models_in(annotation)
    return models[0] if len(models) == 1 else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return [model for argument in get_args(annotation) for model in _models_in(argument)]
    return []
