"""The JSON schema of study files, which editors use to complete and check keys and values."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pg.experiments.figures.kind import FigureKind
from pg.experiments.figures.lookup import FIGURES
from pg.experiments.kind import Measurement
from pg.experiments.registry import KINDS
from pg.study.record import Study

_NAMES = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_EXTENDS = {
    "type": "string",
    "description": "Another variant; its options are inherited, except its label. Options given here override them.",
}
_JOINS = {**_NAMES, "description": "Experiments to whose list this is appended."}
_BASE = {
    "anyOf": [{"type": "string"}, _NAMES],
    "description": "Files or folders that this file builds on, relative to it. Keys in this file override theirs; "
    "mappings are merged, lists and values replaced.",
}


def text() -> str:
    """Return the text of `workflow/schemas/study.schema.json`: the records, and keys that are resolved before them.

    No key is required, because a base may set it.
    """
    generated = _without_required(Study.model_json_schema())
    generated["properties"]["base"] = _BASE
    generated["$defs"]["Variant"]["properties"] |= {"extends": _EXTENDS, "joins": _JOINS}
    generated["$defs"]["Environment"]["properties"]["joins"] = _JOINS
    kinds = generated["$defs"]["Figure"]["properties"]["kind"]
    described = [{"const": name, "description": _description(name, kind)} for name, kind in FIGURES.items()]
    kinds["anyOf"] = [*described, {"pattern": ":", "description": "module:NAME for one of your own."}]
    for name, kind in KINDS.items():
        generated["$defs"][kind.__name__]["properties"]["kind"] = {"const": name}
    return json.dumps(generated, indent=2, ensure_ascii=False) + "\n"


def _without_required(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_required(item) for item in node]
    if not isinstance(node, dict):
        return node
    # An experiment without `kind` matches several alternatives.
    return {
        "anyOf" if key == "oneOf" else key: _without_required(value)
        for key, value in node.items()
        if not (key == "required" and isinstance(value, list))
    }


def _description(name: str, kind: FigureKind) -> str:
    """Return what a kind of figure shows, of which kinds of experiment, and the keys that not all kinds have."""
    drawn = " or ".join(one for one, experiment in KINDS.items() if name in experiment.figures)
    keys = ", ".join(own_keys(name, kind))
    return f"{shown_by(kind)} Of {drawn} experiments.{f' Takes {keys}.' if keys else ''}"


def shown_by(kind: FigureKind) -> str:
    """Return what a built-in kind of figure shows: the docstring of its module."""
    spec = find_spec(kind.module)
    assert spec is not None and spec.origin is not None, f"{kind.module} is a module of pg"
    shown = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    assert shown is not None, f"{kind.module} has a docstring"
    return shown


def own_keys(name: str, kind: FigureKind) -> Iterator[str]:
    """Yield the keys of a figure that this kind has, and others have not."""
    taken = {
        "stages": any(name in one.figures and issubclass(one, Measurement) for one in KINDS.values()),
        "metrics": kind.with_metrics,
        "pooled": kind.with_pooled or "across" in kind.tables,
        "compared": kind.with_compared,
        "levels": kind.with_levels,
        "threshold_line": kind.with_threshold,
    }
    yield from (key for key, is_taken in taken.items() if is_taken)
    yield from (f"limits.{axis}" for axis in kind.limits)
