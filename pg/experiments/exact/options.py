"""What an enumeration measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pg.core.record import Record


class ExactOptions(Record):
    """The options of an enumeration that decide its rows."""

    sampled_batches: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Batches drawn per policy as well, to compare sampled moments with exact ones."
    )
    limit: Annotated[int, Field(gt=0, le=10**7)] = Field(
        default=200_000, description="Largest number of enumerated batches; a larger enumeration is refused."
    )
