"""The notebook of `docs/` runs from a wheel, in an empty folder, and shows what it says."""

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from tests.notebooks import execute, outputs
from tests.package.conftest import ROOT, Installed

NOTEBOOK = ROOT / "docs/reading_the_results.ipynb"
MOST_LINES = 40
EVERY_SEED_HAS_LEARNED = """
returns = runs.query("variant == 'others'").groupby("seed")["return_mean"]
assert len(returns) == 5
assert returns.last().min() > 5 * returns.first().max(), (returns.first(), returns.last())
"""


def kept() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    notebook = kept()
    notebook.cells.append(new_code_cell(EVERY_SEED_HAS_LEARNED))
    notebook.cells.append(new_code_cell("print(pg.__file__)"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        execute(notebook, installed.folder, tmp_path_factory.mktemp("jupyter"), installed.python)
    return notebook


def test_it_is_kept_without_outputs_and_is_short() -> None:
    assert outputs(kept()) == []
    lines = [line for cell in kept().cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert len([line for line in lines if line.strip()]) <= MOST_LINES


def test_it_runs_from_the_wheel_and_warns_of_nothing(executed: NotebookNode, installed: Installed) -> None:
    streams = [output for output in outputs(executed) if output.output_type == "stream"]
    assert [output.text for output in streams if output.name != "stdout"] == []
    assert Path(streams[-1].text.strip()).is_relative_to(installed.python.parents[1])


def test_it_shows_tables_two_figures_and_the_mistake_of_a_loss(executed: NotebookNode) -> None:
    shown = [output.data for output in outputs(executed) if "data" in output]
    assert sum("image/png" in data for data in shown) == 2
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert ["statement" in table for table in tables].count(True) == 1
    (report, _) = (output.text for output in outputs(executed) if output.output_type == "stream")
    assert "a baseline that contains the trajectory's own return" in " ".join(report.split())
    biases = next(table for table in tables if "relative_bias" in table and "average" in table)
    # Without a baseline and with half of the others' mean the estimate is unbiased; the average keeps 1 − 1/N of it.
    assert biases.count("<td>0.0000</td>") == 2
    assert "<td>0.3333</td>" in biases
