"""To be written."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pg.laboratory.frozen import Parameters
from pg.study.jobs import HorizonJob


def lengthen_trajectories(job: HorizonJob, policies: Mapping[int, Parameters]) -> pd.DataFrame:
    """Measure."""
    raise NotImplementedError((job, policies))
