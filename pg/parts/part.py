"""The base class of a variant's parts: frozen records of their options, which validate themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict

from pg.core.record import Record

if TYPE_CHECKING:
    from pg.parts.variant import Variant


def _fix_name(schema: dict[str, Any]) -> None:
    """Let editors accept this part's name only; the name is the first field, whatever its key."""
    key = next(iter(schema["properties"]))
    schema["properties"][key] = {"const": schema["properties"][key]["default"]}


class Part(Record):
    """One choice of a variant, with its options as fields.

    A study file gives the name alone (`baseline: leave_one_out`) or the name with options (`baseline: {name: constant,
    value: 1}`). A user's own part is a subclass in a module next to the study file, and its name is `module:Class`.

    A module of parts must import neither torch nor gymnasium at its top: validation, claims and figures read variants
    too. Use the methods of the tensors (`values.new_full`, `values.where`), or import torch inside a function.
    """

    model_config = ConfigDict(json_schema_extra=_fix_name)

    name: str = ""

    label: ClassVar[str | None] = None
    """The part in labels of variants. Default: its name in words."""

    @property
    def words(self) -> str:
        """The part in labels of variants; empty if labels omit it."""
        return self.name.rpartition(":")[2].replace("_", " ") if self.label is None else self.label

    def problems(self, variant: Variant) -> Iterable[str]:
        """Return the reasons, one sentence each, why this part is illegal in this variant."""
        del variant
        return ()

    def definitions(self, variant: Variant) -> tuple[str, ...]:
        """Return LaTeX equations, without dollar signs, that define the symbols of this part."""
        del variant
        return ()
