"""No correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pg.parts.corrections.base import Correction, Ratios

if TYPE_CHECKING:
    from pg.parts.annotations import Float, Tensor


class NoCorrection(Correction):
    """Use data of an earlier policy as they are."""

    name: str = "none"
    label: ClassVar[str | None] = ""
    corrects: ClassVar[bool] = False

    def __call__(self, ratios: Ratios) -> Float[Tensor, "S N T"]:
        """Return 1 on valid steps."""
        return ratios.mask.to(ratios.log_ratios.dtype)
