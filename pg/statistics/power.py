r"""How likely a true claim is to be supported, and what a number of seeds can therefore show.

For a standardised effect d, the mean paired difference (or mean log ratio) over its standard deviation between seeds:

| d | n = 10 | n = 20 | n = 10, of 29 claims | n = 20, of 29 claims |
|---|---|---|---|---|
| 0.5 | 29 % | 56 % | 3 % | 12 % |
| 0.8 | 62 % | 92 % | 11 % | 49 % |
| 1 | 80 % | 99 % | 22 % | 78 % |
| 1.5 | 99 % | 100 % | 63 % | 100 % |
| 2 | 100 % | 100 % | 92 % | 100 % |

The first two columns are of a claim that stands alone. In the last two it has to pass the first step of Holm's method,
which is the hardest: with every other claim of the study that is decided, the step becomes easier. An interval that
ends at h from its estimate tells d: it is the estimate times $t_{0.975,\,n-1} / (h \sqrt n)$.
"""

from __future__ import annotations

import bisect
import math

from scipy import stats

from pg.statistics.intervals import LEVEL


def power(effect: float, n: int, claims: int = 1, alpha: float = 1 - LEVEL) -> float:
    r"""Probability that a claim of a direction is supported by Student's t, $P(T > t_{1 - \alpha / 2m})$.

    T has Student's noncentral distribution with n - 1 degrees of freedom and noncentrality $d \sqrt n$; differences
    are taken to be normal. Were they not, see the coverage of t in `pg.statistics.coverage`.

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


MOST = 10_000
"""Seeds beyond which it does not matter how many a decision would take."""


def seeds_needed(effect: float, claims: int = 1, alpha: float = 1 - LEVEL, wanted: float = 0.8) -> int | None:
    """Return the least number of seeds with which a claim is decided as often as wanted; None where it is over `MOST`.

    Parameters
    ----------
    effect
        Standardised effect d, positive.
    claims, alpha
        As of `power`.
    wanted
        Probability of a decision.
    """
    if power(effect, MOST, claims, alpha) < wanted:
        return None
    # Power grows with n.
    return bisect.bisect_left(range(MOST), wanted, lo=2, key=lambda n: power(effect, n, claims, alpha))


def effect_size(estimate: float, high: float, n: int, level: float = LEVEL) -> float:
    """Standardised effect behind a mean and the upper end of its Student's t interval."""
    return estimate * float(stats.t.ppf(0.5 + level / 2, n - 1)) / ((high - estimate) * math.sqrt(n))
