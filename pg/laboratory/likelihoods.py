"""What one update does to the likelihood of trajectories."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pg.laboratory.frozen import Parameters
from pg.study.jobs import UpdateJob


def take_updates(job: UpdateJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Take single updates and measure them."""
    raise NotImplementedError((job, policies))
