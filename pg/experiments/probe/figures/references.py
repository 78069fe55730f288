"""What a caption says of measurements relative to a gradient that is itself an estimate."""

from __future__ import annotations

from pg.experiments.figures.request import FigureRequest
from pg.experiments.probe.record import ProbeExperiment

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
