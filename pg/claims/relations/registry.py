"""The relations that a claim can name, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.claims.relations.equal import Equal
from pg.claims.relations.exact import Exact
from pg.claims.relations.greater import Greater
from pg.claims.relations.less import Less
from pg.claims.relations.relation import Relation

_ALL: tuple[Relation, ...] = (
    Less(),
    Greater(),
    Equal(),
    Exact(),
)

RELATIONS: Mapping[str, Relation] = MappingProxyType({relation.name: relation for relation in _ALL})
