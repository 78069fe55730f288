"""The frozen record that every part of a study file is read into, and the names that are legal in it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
