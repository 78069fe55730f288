"""The options of figures in a study file, and the defaults of all figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pg.core.record import Distinct, Name, Record

Width = Annotated[Literal["one_column", "two_columns"], Field(description="Width on the page.")]
Format = Annotated[
    Literal["pdf", "svg"],
    Field(description="Format of the file for print; a PNG for screens is always written as well."),
]


class FigureDefaults(Record):
    """Defaults for all figures."""

    width: Width = "two_columns"
    format: Format = "pdf"


class Figure(Record):
    """A figure: what is drawn, from which experiment, and how wide."""

    kind: str = Field(description="A built-in kind, or module:NAME of one of your own.")
    experiment: Name = Field(description="The experiment whose tables are drawn.")
    environments: Distinct[Name] = Field(default=(), description="Default: all of the experiment's.")
    variants: Distinct[Name] = Field(default=(), description="Default: all of the experiment's.")
    metrics: Distinct[str] = Field(
        default=(), description="The metrics that against_level draws; most kinds draw fixed metrics."
    )
    pooled: Distinct[Name] = Field(
        default=(),
        description="Further experiments whose environments are pooled with its own, in figures across them; or which "
        "are drawn below its own, in figures of tuning.",
    )
    compared: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Variants of other experiments to draw as well, each with its experiment, variant, and level of "
        "each option that the experiment sweeps. For learning_curves and steps_to_threshold.",
    )
    levels: dict[Name, dict[str, float]] = Field(
        default={},
        description="Numbers to draw as dashed lines, such as published ones: for each environment, by their names. "
        "For learning_curves.",
    )
    width: Width = "two_columns"
    format: Format = "pdf"
    section: str = Field(description="The section of the lecture it belongs to.")

    @property
    def pool(self) -> tuple[str, ...]:
        """The experiments whose environments it pools: its own and the further ones."""
        return (self.experiment, *self.pooled)

    @property
    def experiments(self) -> tuple[str, ...]:
        """All experiments whose rows it draws."""
        return tuple(dict.fromkeys((*self.pool, *(str(one["experiment"]) for one in self.compared))))
