"""A whole study: the record that `config.yaml` is read into.

What needs two records, or a registry, is checked in `pg.study.problems`. The JSON schema that editors complete from is
generated from these classes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pg.claims.record import Claim
from pg.core.devices import Device
from pg.core.record import Name, Record
from pg.environments.record import Environment
from pg.experiments.records import Experiment, TrainExperiment
from pg.parts.variant import Variant
from pg.plotting.record import Figure, FigureDefaults


class Study(Record):
    """A whole study: what `config.yaml` says."""

    name: str = Field(description="Title of the study.")
    results: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200)
    ] = Field(default="results", description="Folder that receives everything the study makes.")
    device: Device = Field(
        default="cpu",
        description="Where policies learn. They act on the CPU in either case, and the laboratory measures there.",
    )
    environments: Annotated[dict[Name, Environment], Field(min_length=1)] = Field(description="Named environments.")
    variants: Annotated[dict[Name, Variant], Field(min_length=1)] = Field(description="Named variants.")
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)] = Field(description="Named experiments.")
    claims: dict[Name, Claim] = Field(default={}, description="Named claims.")
    # Not dumped: `load` puts them into the figures, and a figure alone decides whether it is drawn anew.
    figure_defaults: FigureDefaults = Field(
        default=FigureDefaults(), exclude=True, description="What every figure takes that does not say it itself."
    )
    figures: dict[Name, Figure] = Field(default={}, description="Named figures.")

    @property
    def training(self) -> dict[str, TrainExperiment]:
        """The experiments that train."""
        return {name: one for name, one in self.experiments.items() if isinstance(one, TrainExperiment)}
