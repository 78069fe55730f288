"""The notebook of `docs/` runs as a reader would run it, and shows what it says."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

pytestmark = pytest.mark.long

NOTEBOOK = Path(__file__).parents[1] / "docs/reading_the_results.ipynb"
EVERY_SEED_HAS_LEARNED = """
first, last = runs.groupby("seed")["return_mean"].first(), runs.groupby("seed")["return_mean"].last()
assert len(last) == len(job.seeds)
assert last.min() > 5 * first.max(), (first, last)
"""


def kept() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def execute(notebook: NotebookNode, folder: Path, ipython: Path) -> None:
    """Run the cells of a notebook in its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(ipython))
        patch.setenv("OMP_NUM_THREADS", "1")
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    notebook = kept()
    notebook.cells.append(new_code_cell(EVERY_SEED_HAS_LEARNED))
    execute(notebook, NOTEBOOK.parent, tmp_path_factory.mktemp("ipython"))
    return notebook


def test_it_is_kept_without_outputs() -> None:
    assert outputs(kept()) == []


def test_every_cell_runs_and_warns_of_nothing(executed: NotebookNode) -> None:
    assert [output.text for output in outputs(executed) if output.output_type == "stream"] == []


def test_it_shows_tables_and_two_figures(executed: NotebookNode) -> None:
    shown = [output.data for output in outputs(executed) if "data" in output]
    assert sum("image/png" in data for data in shown) == 2
    tables = [data["text/html"] for data in shown if "text/html" in data]
    assert all("NaN" not in table for table in tables[1:])
    assert ["verdict" in table for table in tables] == [True, False, False]


def test_training_takes_no_more_than_ten_lines_beside_the_job(executed: NotebookNode) -> None:
    source = next(cell.source for cell in executed.cells if "train(job" in cell.source)
    assert len([line for line in source.splitlines() if "torch" not in line]) <= 12
