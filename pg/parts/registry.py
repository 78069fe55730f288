"""The built-in parts, by family: one line per part. Any other is named `module:Class` (`pg.parts.lookup`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from pg.parts.limits.base import Limit
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.line_search import LineSearch
from pg.parts.limits.natural_gradient import NaturalGradient
from pg.parts.limits.penalty import Penalty
from pg.parts.lookup import one_of

LIMITS: tuple[type[Limit], ...] = (
    EarlyStop,
    Penalty,
    LineSearch,
    NaturalGradient,
)

AnyLimit = Annotated[SerializeAsAny[Limit], one_of(Limit, LIMITS, key="hold_by")]
