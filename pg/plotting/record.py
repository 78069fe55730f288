"""The options of figures in a study file, and the defaults of all figures."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pg.core.record import Distinct, Name, Record

Width = Annotated[Literal["one_column", "two_columns"], Field(description="Width on the page.")]
Format = Annotated[
    Literal["pdf", "svg"],
    Field(description="Format of the file for print; a PNG for screens is always written as well."),
]


def _colour(value: Any) -> str:
    # Without quotes, YAML reads `#0072b2` as a comment.
    if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise ValueError(f"should be a colour in quotes, such as '#0072b2'; it is {value!r}")
    return value


Colour = Annotated[str, BeforeValidator(_colour), Field(json_schema_extra={"pattern": "^#[0-9a-fA-F]{6}$"})]
Range = tuple[float, float]


class Limits(Record):
    """Ends of the axes of a figure's panels."""

    x: Range | None = Field(default=None, description="Left and right end. Default: what shows all marks.")
    y: Range | None = Field(default=None, description="Lower and upper end. Default: what shows all marks.")

    @model_validator(mode="after")
    def _first_is_lower(self) -> Self:
        for axis, limits in self.declared.items():
            if not limits[0] < limits[1]:
                raise ValueError(f"{axis}: the first end must be below the second; they are {list(limits)}")
        return self

    @property
    def declared(self) -> dict[str, Range]:
        """The ends that are declared, by axis."""
        return {axis: limits for axis, limits in (("x", self.x), ("y", self.y)) if limits is not None}


class FigureDefaults(Record):
    """Defaults for all figures."""

    width: Width = "two_columns"
    format: Format = "pdf"
    palette: Distinct[Colour] = Field(
        default=(),
        description="Colours of variants in the order in which the study declares them. Default: a colour for each "
        "concept. Variants beyond the last colour begin again at the first, in other shades.",
    )
    colours: dict[Name, Colour] = Field(
        default={}, description="The colour of a variant in all figures, such as '#0072b2'; it overrides the palette."
    )


class Figure(Record):
    """A figure: what is drawn, from which experiment, and how wide."""

    kind: str = Field(description="A built-in kind, or module:NAME of one of your own.")
    experiment: Name = Field(description="The experiment whose tables are drawn.")
    environments: Distinct[Name] = Field(default=(), description="Default: all of the experiment's.")
    variants: Distinct[Name] = Field(default=(), description="Default: all of the experiment's.")
    metrics: Distinct[str] = Field(default=(), description="The metrics to draw; most kinds draw fixed ones.")
    pooled: Distinct[Name] = Field(
        default=(),
        description="Further experiments whose environments are pooled with its own, in figures across them; or which "
        "are drawn below its own, in figures of tuning.",
    )
    compared: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Variants of other experiments to draw as well, each with its experiment, variant, and level of "
        "each option that the experiment sweeps.",
    )
    levels: dict[Name, dict[str, float]] = Field(
        default={},
        description="Numbers to draw as dashed lines, such as published ones: for each environment, by their names.",
    )
    stages: Distinct[Name] = Field(
        default=(), description="The stages of the measured policies to draw. Default: all of the experiment's."
    )
    limits: Limits = Field(default=Limits(), description="Ends of the axes, the same in all panels.")
    threshold_line: bool = Field(default=True, description="Whether a line is drawn at the threshold.")
    colours: dict[Name, Colour] = Field(
        default={}, description="The colour of a variant here; it overrides that of figure_defaults."
    )
    width: Width = "two_columns"
    format: Format = "pdf"
    section: str = Field(default="", description="The section of the report that shows it. Default: the last one.")

    @property
    def pool(self) -> tuple[str, ...]:
        """The experiments whose environments it pools: its own and the further ones."""
        return (self.experiment, *self.pooled)

    @property
    def experiments(self) -> tuple[str, ...]:
        """All experiments whose rows it draws."""
        return tuple(dict.fromkeys((*self.pool, *(str(one["experiment"]) for one in self.compared))))
