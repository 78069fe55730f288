"""What is measured of gaits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from pg.core.record import Record


class GaitOptions(Record):
    """The options of a gait experiment that decide its rows."""

    episodes: PositiveInt = Field(default=16, description="Episodes per policy.")
    frames: Annotated[int, Field(ge=2, le=1_000)] = Field(
        default=8,
        description="Number of poses recorded in each policy's episode with the median return, evenly spaced from its "
        "start to its end.",
    )
