"""Submissions that run in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pg.checking.findings import Findings
from tests.checking.in_process import check_here


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Findings]:
    """Return a function that checks a source text."""

    def check_source(source: str, name: str | None = None, **options: Any) -> Findings:
        path = tmp_path / "mine.py"
        path.write_text(source, encoding="utf-8")
        return check_here(path, name, **options)

    return check_source
