"""What is measured of importance weights at several horizons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from pg.core.record import Record, SomeDistinct


class HorizonOptions(Record):
    """The options of a horizon experiment that decide its rows."""

    horizons: SomeDistinct[PositiveInt] = Field(description="Lengths T at which trajectories are cut off.")
    kl: PositiveFloat = Field(description="Mean KL divergence of the change of policy, the same for every T.")
    direction: Literal["random", "gradient"] = Field(
        default="random",
        description="Direction of the change: random, or that of the reward-to-go gradient of the trajectories.",
    )
    trajectories: Annotated[int, Field(ge=4)] = Field(default=512, description="Trajectories per policy.")
