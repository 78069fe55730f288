"""Find a relation by its name, or load it from a module of the user."""

from __future__ import annotations

from typing import Any

from pg.claims.relations.registry import RELATIONS
from pg.claims.relations.relation import Relation
from pg.core.choices import load_class
from pg.core.suggestions import nearest


def relation_named(name: str) -> Relation:
    """Return a built-in relation, or load the class that `module:Class` names.

    Raises
    ------
    ValueError
        If there is no such relation.
    """
    if ":" in name:
        own: type[Any] = load_class(name, Relation)
        return own()
    if name not in RELATIONS:
        raise ValueError(f"{name!r} is not known{nearest(name, RELATIONS)}, or module:Class for a relation of your own")
    return RELATIONS[name]
