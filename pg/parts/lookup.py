"""Convert an entry of a study file to a part: look up a built-in part, or load one from a user's module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar, Union, cast

from pydantic import BeforeValidator

from pg.core.choices import load_class
from pg.core.suggestions import listed, nearest
from pg.parts.part import Part

AnyPart = TypeVar("AnyPart", bound=Part)


def one_of(
    family: type[AnyPart], built_in: Sequence[type[AnyPart]], key: str = "name", default: str | None = None
) -> BeforeValidator:
    """Return the annotation of a field that holds a part of a family.

    Parameters
    ----------
    family
        Base class of the parts that are allowed.
    built_in
        The parts that are found by their names; any other is named `module:Class`.
    key
        The key of a study file that holds the name.
    default
        Name of the part for a mapping without the key. By default the key is required.

    Examples
    --------
    `AnyBaseline = Annotated[SerializeAsAny[Baseline], one_of(Baseline, BASELINES)]`
    """
    by_name = {str(part.model_fields["name"].default): part for part in built_in}

    def read(given: Any) -> AnyPart:
        if isinstance(given, family):
            return given
        if not isinstance(given, str | dict):
            raise ValueError(f"should be a name, or a mapping with a name and options; allowed:{listed(by_name)}")
        options = {key: given} if isinstance(given, str) else cast("dict[str, Any]", given)
        if default is not None and key not in options:
            options = {key: default, **options}
        if key not in options:
            raise ValueError(f"{key}: is missing; allowed:{listed(by_name)}, or module:Class for a part of your own")
        name = str(options[key])
        part = load_class(name, family) if ":" in name else by_name.get(name)
        if part is None:
            raise ValueError(f"{name!r} is not known{nearest(name, by_name)}, or module:Class for a part of your own")
        return part.model_validate(options)

    # Editors see the names and the options of every built-in part.
    return BeforeValidator(read, json_schema_input_type=Union[(Literal[tuple(by_name)], str, *built_in)])
