"""What a caption says of gradients that are themselves estimates, and of estimates of another length."""

from __future__ import annotations

from pg.experiments.figures.request import FigureRequest
from pg.experiments.probe.record import ProbeExperiment
from pg.parts.variant import Variant
from pg.plotting.text import first_of

_POLICY = ["environment", "stage", "seed"]


def noisy_references(request: FigureRequest[ProbeExperiment]) -> str:
    """Count the policies whose reference gradient is flagged as noisy; empty if there are none."""
    flagged = request.shown(request.rows("long", metric="reference_flagged"))
    by_policy = flagged.groupby(_POLICY, observed=True)["value"].max()
    count = int(by_policy.sum())
    return f" ∇J is noisy in {count} of {len(by_policy)} policies." if count else ""


def undefined(request: FigureRequest[ProbeExperiment], metric: str) -> int:
    """Count the policies for which a metric of some estimate is undefined."""
    rows = request.shown(request.rows("long", metric=metric))
    return int(rows["value"].isna().groupby([rows[name] for name in _POLICY], observed=True).any().sum())


def of_another_length(request: FigureRequest[ProbeExperiment]) -> str:
    """Name the estimators that are by construction shorter or longer than the gradient; empty if there are none."""
    scaled = [request.variant_label(name) for name in scaled_variants(request)]
    return f"estimates of another length ({first_of(scaled)})" if scaled else ""


def scaled_variants(request: FigureRequest[ProbeExperiment]) -> list[str]:
    """Return the drawn variants whose estimates are by construction shorter or longer than the gradient."""
    scaled = {cell.variant_name for cell in request.cells if _is_scaled(cell.variant)}
    return [name for name in request.drawn if name in scaled]


def _is_scaled(variant: Variant) -> bool:
    return variant.discount < 1 or variant.baseline.expects == "shrunk" or bool(variant.normalise_advantages)
