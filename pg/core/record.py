"""The frozen base record of everything in a study file, and the types of its names and lists."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Item = TypeVar("Item")


def _each_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    seen: set[object] = set()
    for item in items:
        # Levels may be lists or mappings, which are not hashable.
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


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    # Dumps use the keys of the file (lambda, not lambda_), so that they can be read back.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        # YAML has lists; frozen records hold tuples.
        if not isinstance(value, dict):
            return value
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
