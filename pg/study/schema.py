"""The JSON schema of study files, from which editors complete and check while one types."""

from __future__ import annotations

import json
from typing import Any

from pg.study.record import Study


def schema() -> dict[str, Any]:
    """Return the schema; `extends`, which is resolved before a study is read, is allowed beside a variant's options."""
    generated = Study.model_json_schema()
    generated["$defs"]["Variant"]["properties"]["extends"] = {
        "type": "string",
        "title": "Extends",
        "description": "Another variant whose options hold here unless they are given anew.",
    }
    return generated


def text() -> str:
    """Return the schema as it is kept in the repository."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
