"""Explicit forms of the policy gradient, and how far the surrogate's gradient is from them."""

from __future__ import annotations

import pandas as pd

from pg.study.jobs import IdentityJob


def compare_forms(job: IdentityJob) -> pd.DataFrame:
    """Compare the surrogate's gradient with its explicit forms."""
    raise NotImplementedError(job)
