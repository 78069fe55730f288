"""The JSON schema of study files, which editors use to complete and check keys and values."""

from __future__ import annotations

import json
from typing import Any

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
