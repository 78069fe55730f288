"""What single updates are measured on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from pg.core.record import Record


class UpdateOptions(Record):
    """The options of single updates that decide their rows."""

    updates: PositiveInt = Field(default=10, description="Updates per policy, each from the policy, on its own batch.")
    fresh: Annotated[int, Field(ge=2)] = Field(
        default=64, description="Fresh trajectories on which each update is measured."
    )
