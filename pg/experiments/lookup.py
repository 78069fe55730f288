"""Find a kind of experiment by its name, or load it from a module of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import BeforeValidator, Discriminator, SerializeAsAny, Tag

from pg.core.choices import load_class
from pg.experiments.kind import Experiment, Measurement
from pg.experiments.registry import KINDS

FOLDERS = tuple(kind.folder for kind in KINDS.values() if issubclass(kind, Measurement))
"""Folders of the rows of the built-in kinds, below the results folder."""

_OWN = "module:Class"


def kind_named(name: str) -> type[Experiment]:
    """Return the record of a kind.

    Raises
    ------
    ValueError
        If `module:Class` names none.
    KeyError
        If no built-in kind has the name.
    """
    if ":" not in name:
        return KINDS[name]
    kind = load_class(name, Experiment)
    needed = {"metrics": tuple} | ({"folder": str, "measured_by": str} if issubclass(kind, Measurement) else {})
    for attribute, type_ in needed.items():
        if not isinstance(getattr(kind, attribute, None), type_):
            raise ValueError(f"{name!r} has no {attribute}, a {type_.__name__}; see pg.experiments.kind")
    return kind


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return _OWN if isinstance(kind, str) and ":" in kind else kind


def _load_own(value: Any) -> Experiment:
    return value if isinstance(value, Experiment) else kind_named(value["kind"]).model_validate(value)


_own_kind = Annotated[SerializeAsAny[Experiment], BeforeValidator(_load_own), Tag(_OWN)]

if TYPE_CHECKING:
    AnyExperiment = Experiment
else:
    _built_in = (Annotated[kind, Tag(name)] for name, kind in KINDS.items())
    AnyExperiment = Annotated[Union[(*_built_in, _own_kind)], Discriminator(_tag)]
