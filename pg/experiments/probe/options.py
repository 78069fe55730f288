"""What a probe measures."""

from __future__ import annotations

from pydantic import Field

from pg.core.record import Record
from pg.laboratory.job import Sample


class ProbeOptions(Record):
    """The options of a probe that decide its rows."""

    sample: Sample = Field(description="How many trajectories are collected.")
