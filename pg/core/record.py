"""The frozen base records of study files and jobs, and the types of names and lists."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Annotated, Any, ClassVar, LiteralString, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from pg.core.suggestions import listed, nearest

Item = TypeVar("Item")


def _each_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    seen: set[object] = set()
    for item in items:
        # Levels of a sweep may be lists or mappings, which are not hashable.
        key = item if isinstance(item, Hashable) else (repr(item),)
        if key in seen:
            raise ValueError(f"{item!r} is listed twice; remove one")
        seen.add(key)
    return items


_ONCE = AfterValidator(_each_once)
_UNIQUE_IN_SCHEMA = Field(json_schema_extra={"uniqueItems": True})
Distinct = Annotated[tuple[Item, ...], _ONCE, _UNIQUE_IN_SCHEMA]
"""A tuple without repeated items."""
# The minimal length applies before the validator, so that it appears in the JSON schema.
SomeDistinct = Annotated[tuple[Item, ...], Field(min_length=1), _ONCE, _UNIQUE_IN_SCHEMA]
"""A non-empty tuple without repeated items."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
Fraction = Annotated[float, Field(ge=0, le=1)]
UNKNOWN_KEY = "unknown key"
"""The beginning of the message for a key that no record has at its place."""


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    # Dumps use the keys of the file (lambda, not lambda_), so that they can be read back.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True, serialize_by_alias=True)

    moved_keys: ClassVar[Mapping[str, str]] = {}
    """Messages for keys that were legal in earlier versions."""
    resolved_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that a file may have as well, which are resolved before it is read; messages name them."""

    @classmethod
    def file_keys(cls) -> tuple[str, ...]:
        """Return the keys of the record in a file: its fields, or their aliases (lambda, not lambda_)."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    def canonical(self) -> str:
        """Return the record as JSON. Names keep their order in the study file, because it sets colours and columns."""
        return self.model_dump_json()

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        allowed = cls.file_keys()
        named = (*allowed, *cls.resolved_keys)
        if isinstance(value, cls):
            return validate(value)
        if not isinstance(value, dict):
            raise ValueError(f"should be a mapping of keys to values; it is {value!r}; its keys:{listed(named)}")
        # YAML has lists; frozen records hold tuples.
        known = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items() if key in allowed}
        if len(known) == len(value):
            return validate(known)
        errors = [
            InitErrorDetails(
                type=PydanticCustomError(
                    "value_error",
                    "{reason}",
                    {"reason": cls.moved_keys.get(key, f"{UNKNOWN_KEY}{nearest(str(key), named)}")},
                ),
                loc=(key,),
                input=item,
            )
            for key, item in value.items()
            if key not in allowed
        ]
        try:
            validate(known)
        except ValidationError as error:
            errors += [_reraisable(one) for one in error.errors()]
        raise ValidationError.from_exception_data(cls.__name__, errors)


class Job(Record):
    """The part of the study that one job needs. Jobs with equal text and equal code give equal results."""

    def canonical(self) -> str:
        """Return the job as JSON with sorted keys, because no order of names changes its results."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def _reraisable(error: ErrorDetails) -> InitErrorDetails:
    context = {key: item for key, item in error.get("ctx", {}).items() if key != "error"}
    kind = PydanticCustomError(cast("LiteralString", error["type"]), cast("LiteralString", error["msg"]), context)
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"])
