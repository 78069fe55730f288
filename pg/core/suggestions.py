"""What is allowed in the place of a wrong name, and which of it was meant."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator

_LONGEST_LINE = 100


def unknown(at: str, names: Iterable[str], allowed: Iterable[str]) -> Iterator[str]:
    """Report every name that is not allowed, with the nearest that is."""
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            yield f"{at}: {name!r} is not known{nearest(name, allowed)}"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Suggest the nearest valid name and list what is allowed."""
    allowed = list(allowed)
    return f"{hint(name, allowed)}; allowed:{listed(allowed)}"


def hint(name: str, allowed: Iterable[str]) -> str:
    """Suggest the nearest valid name, where one is near.

    One that was not written out comes before one whose words were put in another order, and then what was misspelt.
    """
    allowed = list(allowed)
    begun = sorted((known for known in allowed if len(name) > 2 and known.startswith(name)), key=len)
    by_words = {_in_order(known): known for known in allowed}
    reordered = [by_words[words] for words in difflib.get_close_matches(_in_order(name), by_words, n=1, cutoff=0.9)]
    near = begun or reordered or difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _in_order(name: str) -> str:
    return "_".join(sorted(name.split("_")))


def listed(names: Iterable[str]) -> str:
    """List names behind a colon: in the same line, or in lines of their own where they are many."""
    text = ", ".join(names) or "nothing"
    if len(text) <= _LONGEST_LINE:
        return f" {text}"
    lines = textwrap.wrap(text, _LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    return "".join(f"\n      {line}" for line in lines)
