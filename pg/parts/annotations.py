"""Types in the signatures of parts, for type checkers alone: a module of parts must not import torch."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

from pg.parts.batch import Batch
from pg.parts.variant import Variant

__all__ = ["Batch", "Bool", "Float", "Int", "Tensor", "Variant"]
