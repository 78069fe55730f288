"""The frozen record that every part of a study file is read into, and the names that are legal in it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Item = TypeVar("Item")


def _each_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    seen: set[object] = set()
    for item in items:
        # Levels may be lists and mappings, which have no hash.
        key = item if isinstance(item, Hashable) else (repr(item),)
        if key in seen:
            raise ValueError(f"{item!r} stands twice; keep one")
        seen.add(key)
    return items


_ONCE = AfterValidator(_each_once)
_SAID_TO_EDITORS = Field(json_schema_extra={"uniqueItems": True})
Distinct = Annotated[tuple[Item, ...], _ONCE, _SAID_TO_EDITORS]
"""Names or levels, each of which stands once."""
# The schema knows the length of a tuple, and not of what comes out of a validator.
SomeDistinct = Annotated[tuple[Item, ...], Field(min_length=1), _ONCE, _SAID_TO_EDITORS]
"""The same, where there must be one."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=60)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    # A dump is read back: it has the keys of the file, also where Python keeps a word for itself.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        # YAML knows lists only; a frozen record holds tuples.
        if not isinstance(value, dict):
            return value
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
