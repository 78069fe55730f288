"""The lab's notebook runs with the exercises as they are handed out, and says that nothing is filled in."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from tests.notebooks import execute, outputs

LAB = Path(__file__).parents[2] / "docs/lab"


def test_it_is_kept_without_outputs_and_checks_every_exercise() -> None:
    notebook = nbformat.read(LAB / "lab.ipynb", as_version=4)
    assert outputs(notebook) == []
    source = "".join(cell.source for cell in notebook.cells)
    assert all(f'check("{path.name}")' in source for path in LAB.glob("*.py"))


@pytest.mark.long
def test_it_runs_with_empty_exercises(tmp_path: Path) -> None:
    notebook = nbformat.read(LAB / "lab.ipynb", as_version=4)
    execute(notebook, LAB, tmp_path)
    shown = [output.data for output in outputs(notebook) if "data" in output]
    texts = [data.get("text/plain", "") for data in shown if "image/png" not in data]
    assert sum("fill in the function" in text for text in texts) == 5
    assert sum("image/png" in data for data in shown) == 1
    assert [output for output in outputs(notebook) if output.output_type == "error"] == []
