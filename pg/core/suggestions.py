"""Suggestions for a wrong name: the nearest valid one, and the list of valid ones."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator

_LONGEST_LINE = 100
_MOST_NAMED = 20


def unknown(at: str, names: Iterable[str], allowed: Iterable[str]) -> Iterator[str]:
    """Yield a message for every name that is not allowed, with the nearest valid one; beyond a limit, their number."""
    allowed = dict.fromkeys(allowed)
    wrong = [name for name in names if name not in allowed]
    yield from (f"{at}: {name!r} is not known{nearest(name, allowed)}" for name in wrong[:_MOST_NAMED])
    if len(wrong) > _MOST_NAMED:
        yield f"{at}: {len(wrong) - _MOST_NAMED:,} more names are not known"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return the nearest valid name and the list of valid names, as the end of a message."""
    allowed = list(allowed)
    return f"{hint(name, allowed)}; allowed:{listed(allowed)}"


def hint(name: str, allowed: Iterable[str], before: str = "") -> str:
    """Return a suggestion of the nearest valid name, with a text written before it; empty if none is near.

    Candidates, in this order: names that begin with the given one, names with the same words in another order, names
    of similar spelling.
    """
    allowed = list(allowed)
    longer = sorted((known for known in allowed if len(name) > 2 and known.startswith(name)), key=len)
    by_words = {_sorted_words(known): known for known in allowed}
    reordered = [by_words[words] for words in difflib.get_close_matches(_sorted_words(name), by_words, n=1, cutoff=0.9)]
    near = longer or reordered or difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    return f"; did you mean {before + near[0]!r}?" if near else ""


def _sorted_words(name: str) -> str:
    return "_".join(sorted(name.split("_")))


def listed(names: Iterable[str]) -> str:
    """Join names with commas, on one line, or on several indented lines if they are many."""
    text = ", ".join(names) or "nothing"
    if len(text) <= _LONGEST_LINE:
        return f" {text}"
    lines = textwrap.wrap(text, _LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    return "".join(f"\n      {line}" for line in lines)
