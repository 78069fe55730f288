"""A whole study: the options of a study file and its base, merged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self, cast

from pydantic import Field, PrivateAttr

from pg.claims.record import Claim, Question
from pg.core.devices import Device
from pg.core.record import Name, Record
from pg.environments.record import Environment
from pg.experiments.kind import Measurement, SharedSeeds
from pg.experiments.labels import variant_label
from pg.experiments.lookup import AnyExperiment
from pg.parts.variant import Variant
from pg.plotting.record import Figure, FigureDefaults

if TYPE_CHECKING:
    from pg.experiments.train.record import TrainExperiment


class Report(Record):
    """What the page of the report says that is not computed, and the order of its sections."""

    authors: str = Field(default="", description="Whose study it is, in the words of the report.")
    introduction: str = Field(
        default="", description="What the study is about, below the title; an empty line begins a paragraph."
    )
    sections: dict[str, str | None] = Field(
        default={},
        description="Sections of claims and figures in the order of the report, each with a text below its heading, or "
        "null. A section belongs at the longest of these whose words its name begins with; others follow.",
    )


def declared_section(section: str, declared: Iterable[str]) -> str | None:
    """Return the longest declared section whose words a name begins with; None if there is none. Case is ignored.

    So "Recap (slide 3)" and "Recap of imitation" belong at "Recap", but "Recaps" does not.
    """
    named = section.strip()
    begun = (title for title in declared if re.match(rf"{re.escape(title)}(?!\w)", named, re.IGNORECASE))
    return max(begun, key=len, default=None)


class Study(Record):
    """A whole study."""

    name: str = Field(description="Title of the study.")
    results: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", max_length=200)
    ] = Field(default="results", description="Folder of all files that the study writes.")
    device: Device = Field(
        default="cpu",
        description="Device on which policies learn. They always act on the CPU, and measurements run there.",
    )
    # Not dumped, and neither are `figure_defaults`: both are merged into the experiments and figures that use them, so
    # that a change reruns only these.
    seeds: SharedSeeds = Field(
        default=SharedSeeds(), exclude=True, description="Seeds of every experiment; its own `seeds` override them."
    )
    environments: Annotated[dict[Name, Environment], Field(min_length=1)] = Field(description="Named environments.")
    variants: Annotated[dict[Name, Variant], Field(min_length=1)] = Field(description="Named variants.")
    experiments: Annotated[dict[Name, AnyExperiment], Field(min_length=1)] = Field(description="Named experiments.")
    claims: dict[Name, Claim] = Field(default={}, description="Named claims.")
    figure_defaults: FigureDefaults = Field(
        default=FigureDefaults(),
        exclude=True,
        description="Defaults of all figures; a figure's own keys override them.",
    )
    figures: dict[Name, Figure] = Field(default={}, description="Named figures.")
    report: Report = Field(default=Report(), description="Introduction and sections of the report.")
    questions: dict[Name, Question] = Field(default={}, description="Questions that the report answers near its top.")

    # Names of entries that were left out because they have problems, with the others of their section.
    _known: Mapping[str, Sequence[str]] = PrivateAttr(default={})

    def __hash__(self) -> int:
        """Hash by identity: caches must distinguish studies that compare equal because 1 == True."""
        return id(self)

    def knowing(self, names: Mapping[str, Sequence[str]]) -> Self:
        """Return the study, whose sections have entries of these names that are left out of it."""
        self._known = names
        return self

    def declared(self, section: str) -> Sequence[str]:
        """Return the names of all entries of a section, those that are left out included."""
        return self._known.get(section, [*getattr(self, section)])

    def variant_label(self, name: str, experiment: str | None = None) -> str:
        """Return the label of a variant, in what is said of an experiment; see `pg.experiments.labels`."""
        return variant_label(name, self.variants, None if experiment is None else self.experiments[experiment])

    def environment_label(self, name: str) -> str:
        """Return the label of an environment, or its gymnasium id."""
        return self.environments[name].label or self.environments[name].id

    @property
    def training(self) -> dict[str, TrainExperiment]:
        """The experiments that train."""
        trained = {name: one for name, one in self.experiments.items() if not isinstance(one, Measurement)}
        return cast("dict[str, TrainExperiment]", trained)
