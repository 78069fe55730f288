"""Check the values of a study file that its records allow: text that breaks files or pages, numbers that overflow."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

# Training is in single precision, and squares numbers.
_LARGEST, _SMALLEST = 1e15, 1e-30
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
# Snakemake's --report writes labels into a script of its page.
_HTML = re.compile(r"<(/|!--|script)", re.IGNORECASE)


def problems_of_values(options: Any, at: str = "") -> Iterator[str]:
    """Yield a message for each key or value that no part of a study can use."""
    if isinstance(options, dict):
        for key, value in options.items():
            yield from _problems_of_text(f"{at}{key}", str(key))
            yield from problems_of_values(value, f"{at}{key}.")
    elif isinstance(options, list | tuple):
        for place, value in enumerate(options):
            yield from problems_of_values(value, f"{at}{place}.")
    elif isinstance(options, str):
        yield from _problems_of_text(at.removesuffix("."), options)
    elif isinstance(options, float):
        yield from _problems_of_number(at.removesuffix("."), options)


def _problems_of_number(at: str, number: float) -> Iterator[str]:
    if ".kwargs." in at:
        # Records refuse NaN and infinities in all other places.
        if not math.isfinite(number):
            yield f"{at}: should be a finite number; it is {number}"
    elif _LARGEST < abs(number) < math.inf:
        yield f"{at}: {number:g} overflows in single precision; allowed: up to {_LARGEST:g}"
    elif 0 < abs(number) < _SMALLEST:
        yield f"{at}: {number:g} is 0 in single precision; allowed: 0, or {_SMALLEST:g} and more"


def _problems_of_text(at: str, text: str) -> Iterator[str]:
    if found := _NO_TEXT.search(text):
        yield f"{at}: has the character U+{ord(found[0]):04X}, which files and figures cannot show; remove it"
    if found := _HTML.search(text):
        yield f"{at}: has {found[0]!r}, which a page may run as HTML; write a space after '<', or leave it out"
    if text.startswith("="):
        yield f"{at}: begins with '=', which spreadsheets run as a formula; begin with another character"
