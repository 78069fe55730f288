r"""From p-values to decisions: many tests at once, the power of a test, and how many seeds a decision needs.

The standardised effect d is the mean paired difference (or mean log ratio) over its standard deviation between seeds.
The first of the m steps of Holm's method has the strictest level, and each decided claim relaxes the level of the next.
`results/README.md` has a table of powers.
"""

from __future__ import annotations

import bisect
import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from pg.statistics.intervals import LEVEL, Array

MAX_SEEDS = 10_000
"""Largest number of seeds that `seeds_needed` considers."""


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


def power(effect: float, n: int, claims: int = 1, alpha: float = 1 - LEVEL) -> float:
    r"""Return the probability that Student's t supports a claim that names a direction, $P(T > t_{1 - \alpha / 2m})$.

    T has Student's noncentral distribution with n - 1 degrees of freedom and noncentrality $d \sqrt n$, for normal
    differences.

    Source: Cohen (1988), "Statistical power analysis for the behavioral sciences", chapter 2.

    Parameters
    ----------
    effect
        Standardised effect d, positive in the declared direction.
    n
        Number of seeds.
    claims
        Number m of claims in the first step of Holm's method.
    alpha
        Level of the verdicts, two-sided.
    """
    critical = float(stats.t.ppf(1 - alpha / (2 * claims), n - 1))
    return float(stats.nct.sf(critical, n - 1, effect * math.sqrt(n)))


def seeds_needed(effect: float, claims: int = 1, alpha: float = 1 - LEVEL, wanted: float = 0.8) -> int | None:
    """Return the least number of seeds that decides a claim with the wanted probability; None if above `MAX_SEEDS`.

    The parameters are those of `power`, with a positive effect.
    """
    if power(effect, MAX_SEEDS, claims, alpha) < wanted:
        return None
    return bisect.bisect_left(range(MAX_SEEDS), wanted, lo=2, key=lambda n: power(effect, n, claims, alpha))


def least_unanimous(null: float, alpha: float = (1 - LEVEL) / 2) -> int:
    """Return the least number of successes in a row with a one-sided p-value below alpha against a share `null`."""
    return math.floor(math.log(alpha) / math.log(null)) + 1


def effect_size(estimate: float, high: float, n: int, level: float = LEVEL) -> float:
    r"""Return the standardised effect of a mean from the upper end of its Student's t interval.

    $d = \text{estimate} \cdot t_{n-1} / ((\text{high} - \text{estimate}) \sqrt n)$.
    """
    return estimate * float(stats.t.ppf(0.5 + level / 2, n - 1)) / ((high - estimate) * math.sqrt(n))
