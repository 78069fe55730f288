"""Embed explorables in the page, and the library that draws them, so that the page needs no other file."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pg.runs.files import read_json


def read(paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read explorables from their files, by figure; the specifications are packed for the page."""
    found = {Path(path).stem: read_json(path) for path in paths}
    return {name: one | {"spec": packed(json.dumps(one["spec"], ensure_ascii=False))} for name, one in found.items()}


def by_title(plays: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the names of the figures that explorables of each title belong to."""
    names: dict[str, list[str]] = {}
    for name, one in plays.items():
        names.setdefault(one["title"], []).append(name)
    return names


@cache
def library() -> str:
    """Return Vega, Vega-Lite and vega-embed as one packed script, which sets `window.vegaEmbed`."""
    # Its start takes a second, and pages without explorables do not need it.
    import vl_convert

    return packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def packed(text: str) -> str:
    """Return a text deflated, in base64: Vega shrinks to a third, and a specification to a tenth."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
