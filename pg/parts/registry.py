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
from pg.parts.optimizers.adam import Adam
from pg.parts.optimizers.base import Optimizer
from pg.parts.optimizers.sgd import Sgd
from pg.parts.starts.base import Start
from pg.parts.starts.clone import Clone
from pg.parts.starts.random import Random

LIMITS: tuple[type[Limit], ...] = (
    EarlyStop,
    Penalty,
    LineSearch,
    NaturalGradient,
)
OPTIMIZERS: tuple[type[Optimizer], ...] = (
    Adam,
    Sgd,
)
STARTS: tuple[type[Start], ...] = (
    Random,
    Clone,
)

AnyLimit = Annotated[SerializeAsAny[Limit], one_of(Limit, LIMITS, key="hold_by")]
AnyOptimizer = Annotated[SerializeAsAny[Optimizer], one_of(Optimizer, OPTIMIZERS, default="adam")]
AnyStart = Annotated[SerializeAsAny[Start], one_of(Start, STARTS, default="clone")]
