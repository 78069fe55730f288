"""What is measured of importance sampling without full support."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from pg.core.record import Record, SomeDistinct


class SupportOptions(Record):
    """The options of a support experiment that decide its rows."""

    action: Annotated[int, Field(ge=0)] = Field(default=0, description="The action that the proposal withholds.")
    left: SomeDistinct[Annotated[float, Field(ge=0, lt=1)]] = Field(
        description="Probabilities that the proposal leaves to it in every state."
    )
    repetitions: PositiveInt = Field(default=1000, description="Batches sampled for the median error.")
    limit: Annotated[int, Field(gt=0, le=10**7)] = Field(
        default=200_000, description="Largest number of enumerated trajectories."
    )
