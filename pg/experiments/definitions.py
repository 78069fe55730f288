"""What the value of each metric is, in sentences: `definitions.yaml` beside this module, for readers and the report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("definitions.yaml")


@cache
def definitions() -> Mapping[str, str]:
    """Read the definitions, by the names of the metrics."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))
