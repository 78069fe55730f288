"""What is measured of estimates from the batches of several policies."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from pg.core.record import Name, Record
from pg.laboratory.job import Sample


class Path(Record):
    """The iterations of a learner, whose policies collect the batches."""

    variant: Name = Field(description="The variant that learns, with a number as learning rate and without a window.")
    iterations: PositiveInt = Field(description="Updates from the first policy to the one whose gradient is estimated.")


class WindowOptions(Record):
    """The options of a window experiment that decide its rows."""

    path: Path = Field(description="How the policies follow each other.")
    sample: Sample = Field(description="Trajectories of each policy; its first batch size is the batches' N.")
