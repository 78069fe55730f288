"""The measured coverage of each interval, from the table `coverage.csv`.

`python workflow/coverage/simulate.py > pg/statistics/coverage.csv` measures it again: 2,000 replications of every
statistic on each kind of data, at n = 10 and 20 (20 alone for bootstrapped intervals), and at n = 20 in 5 and in 10
groups. An interval *holds* if it covers the truth in 93 to 97 % of them; shares may cover more, because their values
are discrete. The standard error of such a percentage is 0.5, so this is stricter than a test of significance. If an
interval does not hold, summaries and claims print the measured coverage.

Student's t is used although it covers less on some data. Of the alternatives, the bootstrap-t covers 98 % of two-peaked
data with intervals up to four times as wide; Hall's (1992) transformation covers 92 to 98 %, but its test rejects a
true null hypothesis 0.45 % of the time at a level of 0.17 %, the first step of Holm's method over 29 claims, for
symmetric two-peaked differences. Student's t does so 0.12 % of the time.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pg.statistics.intervals import Interval

TABLE = Path(__file__).with_name("coverage.csv")

COLUMNS = ("statistic", "n", "selections", "estimate", "ci_low", "ci_high", "method")
"""Columns of an estimate in the tables of summaries."""

_ACCEPTED = (0.93, 0.97)
MAY_COVER_MORE = ("share", "paired share", "profile")
"""Statistics whose coverage may exceed 97 %, because their values are discrete."""


class Measured(NamedTuple):
    """A row of the table."""

    statistic: str
    method: str
    data: str
    n: int
    groups: int
    replications: int
    covered: int
    coverage: float

    @property
    def size(self) -> int:
        """Number of independent values: of groups, or n."""
        return self.groups or self.n

    @property
    def holds(self) -> bool:
        """Whether the interval covers as often as it should."""
        low, high = _ACCEPTED
        return low <= self.coverage and (self.statistic in MAY_COVER_MORE or self.coverage <= high)


@cache
def measured() -> tuple[Measured, ...]:
    """Read the table."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return tuple(
            Measured(statistic, method, data, int(n), int(groups), int(replications), int(covered), float(coverage))
            for statistic, method, data, n, groups, replications, covered, coverage in list(csv.reader(file))[1:]
        )


def columns_of(statistic: str, interval: Interval) -> dict[str, Any]:
    """Return an interval as table columns; the method includes the coverage if it is too low or too high.

    Groups of runs are selections of the learning rate; 0 if every run is independent.
    """
    found = shortfall(statistic, interval)
    return {
        "statistic": statistic,
        "n": interval.n,
        "selections": interval.groups,
        "estimate": interval.estimate,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "method": f"{interval.method} (covers {found})" if found else interval.method,
    }


def shortfall(statistic: str, interval: Interval) -> str:
    """Return the coverage of an interval of 95 % on the data on which it does not hold.

    Like "92 % on skewed data at n = 20" or "in 10 groups". The coverage is that of the largest measured number of
    independent values up to the sample's, or of the smallest number. The text is empty if the interval holds on all
    data, and if the statistic has another method than usual (undefined, all values equal).
    """
    return _shortfall(statistic, interval.method, interval.independent)


@cache
def _shortfall(statistic: str, method: str, n: int) -> str:
    rows = [row for row in measured() if (row.statistic, row.method) == (statistic, method)]
    if not rows:
        return ""
    size = max([row.size for row in rows if row.size <= n], default=min(row.size for row in rows))
    short = [f"{100 * row.coverage:.0f} % on {row.data}" for row in rows if row.size == size and not row.holds]
    where = f"in {size} groups" if rows[0].groups else f"at n = {size}"
    return f"{', '.join(short)} data {where}" if short else ""
