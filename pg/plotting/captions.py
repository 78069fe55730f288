"""Numbers and lists as they stand in captions: plain words, free of markup."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pandas import DataFrame

from pg.core.signs import signed
from pg.experiments.records import Budget
from pg.statistics.intervals import ALL_EQUAL

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """Write a number with a few significant digits: 0.0412, 48,200, 3.1 × 10⁻⁶; a dash where there is none."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if magnitude < -4 or magnitude > 7:
        mantissa = f"{value / 10.0**magnitude:.{digits - 1}f}".rstrip("0").rstrip(".")
        return f"{mantissa} × 10{str(magnitude).translate(_SUPERSCRIPTS)}".replace("-", "−")
    rounded = round(value, digits - 1 - magnitude)
    return f"{rounded:,.{max(digits - 1 - magnitude, 0)}f}".replace("-", "−")


def span(low: float, high: float) -> str:
    """Write an interval's ends, with a word between them that no minus sign can be mistaken for."""
    return f"{number(low)} to {number(high)}"


def with_interval(estimate: float, low: float, high: float, method: str = "") -> str:
    """Write an estimate with its interval in brackets, or alone where it has none.

    Seeds that are all alike, which the method says, are too few to bound a statistic, and are said to be alike.
    """
    if math.isnan(low) or math.isnan(high):
        return number(estimate)
    # The method may go on, and then the interval begins at 0: "on logarithms".
    if math.isinf(high) and method.startswith(ALL_EQUAL):
        return f"{number(estimate)} (the same for all seeds)"
    if math.isinf(low) and math.isinf(high):
        return f"{number(estimate)} (interval unbounded)"
    return f"{number(estimate)} ({span(low, high)})"


def quoted(rows: DataFrame) -> str:
    """Write the estimate of the first of a summary's rows with its interval, or a dash where there is no row."""
    return "–" if rows.empty else with_interval(*rows[["estimate", "ci_low", "ci_high", "method"]].iloc[0])


def itemised(results: Mapping[str, str]) -> str:
    """Write results by name, apart even where names hold commas: a: 1; b: 2."""
    return "; ".join(f"{name}: {result}" for name, result in results.items())


def counted(count: int, noun: str) -> str:
    """Write how many there are of something: 1 seed, 20 seeds."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def steps_of(budget: Budget) -> str:
    """Write what ends a run: its environment steps, or its iterations where the budget has them."""
    steps = counted(budget.steps, "environment step")
    if budget.max_iterations is None:
        return steps
    return f"{steps} or {counted(budget.max_iterations, 'iteration')}, whichever comes first"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def in_words(path: str, value: Any) -> str:
    """Name a level of a sweep: `variant.batch`, 16 becomes "batch 16"."""
    option = option_in_words(path)
    if isinstance(value, Mapping):
        # The options of a record, which say what they are options of.
        return ", ".join(in_words(key, one) for key, one in value.items()) or f"default {option}"
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return f"{option} {listed(value).replace('_', ' ') if value else 'nothing'}"
    if isinstance(value, str):
        return f"{option} {value.replace('_', ' ')}"
    if isinstance(value, int | float):
        return f"{option} {signed(value)}"
    return f"{option} {value}"


def at_levels(name: str, levels: Mapping[str, Any]) -> str:
    """Name something at some levels of a sweep, each a path with its value: "to-go, batch 16"."""
    return ", ".join((name, *(in_words(path, value) for path, value in levels.items())))


def option_in_words(path: str) -> str:
    """Name the option that a sweep's path leads to: `variant.gradient_steps` becomes "gradient steps"."""
    return path.rsplit(".", 1)[-1].replace("_", " ")


def without_scores(estimates: Iterable[float]) -> list[str]:
    """Say why statistics of scores are missing, in one sentence where any is."""
    if not any(math.isnan(estimate) for estimate in estimates):
        return []
    reason = "where the random policy earns the threshold of an environment already, or a return is not finite"
    return [f"Undefined (–) as a score does not exist {reason}."]
