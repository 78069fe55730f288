"""Workers that each draw a kind of figure once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


# pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a kind of figure in one worker, because they share its tables and its picture."""
    for item in items:
        if item.path.is_relative_to(HERE) and (kind := _parameters(item).get("kind")):
            item.add_marker(pytest.mark.xdist_group(f"figure {kind}"))


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
