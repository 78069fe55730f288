"""From p-values to decisions: equivalence within a margin, and many tests at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from pg.statistics.intervals import Array, Test


def equivalence(test: Callable[[float], Test], null: float, margin: float) -> tuple[float, float]:
    """Run two one-sided tests of a parameter against the ends of null ± margin.

    Parameters
    ----------
    test
        Tests the parameter against a given value.

    Returns
    -------
    within, outside
        p-values of "within the margin" (below 0.05 exactly if the 90 % interval is) and of "beyond one of its ends"
        (below 0.05 if the 90 % interval is wholly outside).

    Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680.
    """
    low, high = test(null - margin), test(null + margin)
    return max(low.p_greater, high.p_less), min(low.p_less, high.p_greater)


def holm(p_values: ArrayLike) -> Array:
    """Adjust p-values for multiple testing by Holm's step-down method.

    Sorted ascending, p_(k) becomes the largest of (m - j + 1) p_(j) over j ≤ k, at most 1.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
