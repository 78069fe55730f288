"""What is measured of importance weights at several horizons."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.record import Record, SomeDistinct


class HorizonOptions(Record):
    """The options of a horizon experiment that decide its rows."""

    horizons: SomeDistinct[PositiveInt] = Field(description="Lengths T at which trajectories are cut off.")
    kl: PositiveFloat = Field(description="Mean KL divergence of the random change of policy, the same for every T.")
    trajectories: Annotated[int, Field(ge=4)] = Field(default=512, description="Trajectories per policy.")
