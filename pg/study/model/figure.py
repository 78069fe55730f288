"""A figure: a kind of picture, the experiment that it shows, and its size on the page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pg.study.model.base import Name, Record


class Figure(Record):
    """A figure: what is drawn, from which experiment, and how wide."""

    kind: str = Field(description="Name of a figure module.")
    experiment: Name = Field(description="The experiment whose tables are drawn.")
    environments: tuple[Name, ...] = Field(default=(), description="Default: all of the experiment's.")
    variants: tuple[Name, ...] = Field(default=(), description="Default: all of the experiment's.")
    metrics: tuple[str, ...] = Field(
        default=(), description="The metrics that against_level draws; other kinds draw metrics of their own."
    )
    pooled: tuple[Name, ...] = Field(
        default=(),
        description="Further experiments whose environments are pooled with its own, in figures across them.",
    )
    width: Literal["one_column", "two_columns"] = Field(default="two_columns", description="Width on the page.")
    format: Literal["pdf", "svg"] = Field(default="pdf", description="The file for print, beside a PNG for screens.")
    section: str = Field(description="The section of the lecture it belongs to.")
