"""Format numbers and names for figures, captions and the report, without markup."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pg.core.signs import signed

PER_CENT = "\N{NO-BREAK SPACE}%"

_FRACTIONS = {
    1 / 10: "a tenth",
    1 / 5: "a fifth",
    1 / 4: "a quarter",
    1 / 3: "a third",
    1 / 2: "half",
    2 / 3: "two thirds",
    3 / 4: "three quarters",
}
_NEAR = 0.04  # relative distance at which a ratio gets the name of a fraction

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """Write a number with a few significant digits: 0.0412, 48,200, 3.1 × 10⁻⁶; a dash for NaN."""
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


def raised(count: int) -> str:
    """Write a count as a superscript."""
    return str(count).translate(_SUPERSCRIPTS)


def span(low: float, high: float) -> str:
    """Write the ends of an interval: "0.1 to 0.2"; a dash between them would look like a minus sign."""
    return f"{number(low)} to {number(high)}"


def interval_of(low: float, high: float) -> str:
    """Write the ends of an interval in two digits: "0.31–0.57", or "−1.4 to 0.1" if one is negative."""
    return f"{number(low, 2)}{' to ' if low < 0 else '–'}{number(high, 2)}"


def noted(estimate: float, low: float, high: float) -> str:
    """Write a positive estimate with its interval in two digits: "0.42 (0.31–0.57)"; without one if it is undefined."""
    text = number(estimate, 2)
    return text if math.isnan(low) else f"{text} ({interval_of(low, high)})"


def short(value: float) -> str:
    """Write a number as a sentence does: 0.97, 17, 131, 20,600."""
    return number(value, 3 if abs(value) >= 100 else 2)


def percent(share: float) -> str:
    """Write a share in per cent: 4 %, 62 %, 104 %, with a space at which no line breaks."""
    return f"{short(100 * share).removesuffix('.0')}{PER_CENT}"


def times(ratio: float, ends: str = "") -> str:
    """Write a ratio, and the ends of its interval: "a quarter (0.19 to 0.32) of", "62 % of", "3.5 times"."""
    if ratio >= 1:
        return f"{short(ratio)} times{ends}"
    near = (words for fraction, words in _FRACTIONS.items() if abs(ratio / fraction - 1) < _NEAR)
    return f"{next(near, percent(ratio))}{ends} of"


def in_thousands(value: float) -> str:
    """Write a large number short: 20k instead of 20000, 1.3M; a dash for NaN."""
    if math.isnan(value):
        return "–"
    unit, name = next(((unit, name) for unit, name in _UNITS if abs(value) >= unit), (1.0, ""))
    return f"{value / unit:g}{name}"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: 1 seed, 20 seeds, 5 policies."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("cy") else f"{count:,} {noun}s"


def steps_of(steps: int, iterations: int | None) -> str:
    """Write a budget: environment steps, and iterations if the budget limits them."""
    written = counted(steps, "environment step")
    return written if iterations is None else f"{written} or {counted(iterations, 'iteration')}, whichever comes first"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: a, b and c."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def first_of(names: Sequence[str]) -> str:
    """Name the first of several, and the second or how many there are more: a; a and b; a and 2 more."""
    return listed(names if len(names) <= 2 else [names[0], f"{len(names) - 1} more"])


def option_in_words(path: str) -> str:
    """Name the option at the end of a sweep's path: `variant.gradient_steps` becomes "gradient steps"."""
    return path.rsplit(".", 1)[-1].replace("_", " ")


def in_words(path: str, value: Any) -> str:
    """Name a level of a sweep: `variant.batch`, 16 becomes "batch 16"."""
    option = option_in_words(path)
    if value is None:
        return f"no {option}"
    if isinstance(value, Mapping):
        return ", ".join(in_words(key, one) for key, one in value.items()) or f"default {option}"
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return f"{option} {listed(value).replace('_', ' ') if value else 'nothing'}"
    if isinstance(value, str):
        return f"{option} {value.replace('_', ' ')}"
    if isinstance(value, bool):
        *_, group, _ = ("", "", *path.split("."))
        of = "" if group in ("", "variant", "environment", "kwargs") else f"{group.replace('_', ' ')} "
        return f"{of}{option} {str(value).lower()}"
    if isinstance(value, int | float):
        return f"{option} {signed(value)}"
    return f"{option} {value}"


def at_levels(name: str, levels: Mapping[str, Any]) -> str:
    """Name something at levels of a sweep, given by path: "to-go, batch 16"."""
    return ", ".join((name, *(in_words(path, value) for path, value in levels.items())))
