"""What is measured of corrections for stale data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pg.core.record import Name, Record, SomeDistinct
from pg.laboratory.job import Sample

WEIGHTS = ("steps", "log_weight", "count")
"""Columns of the histogram of importance weights."""

STATES = ("steps", "component", "low", "high", "data", "visited")
"""Columns of the histograms of states: shares in the data, and among the states that the policy now visits."""


class Walk(Record):
    """How a policy is moved away from the data that it has collected."""

    variant: Name = Field(description="The variant whose gradient steps are followed, with a number as learning rate.")
    steps: SomeDistinct[Annotated[int, Field(ge=0)]] = Field(
        description="Numbers of steps after which the corrections are measured; 0 is the policy itself."
    )


class StalenessOptions(Record):
    """The options of a staleness experiment that decide its rows."""

    walk: Walk = Field(description="How the target policies are reached.")
    sample: Sample = Field(description="Trajectories of the behaviour policy; its first batch size is the batches' N.")
