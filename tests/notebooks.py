"""Run notebooks as their readers do."""

import json
import sys
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def execute(notebook: NotebookNode, folder: Path, jupyter: Path, python: str | Path = sys.executable) -> None:
    """Run the cells of a notebook in a folder, with a kernel of a Python; Jupyter keeps its files in another one."""
    kernel = jupyter / "kernels/tested"
    kernel.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": arguments, "display_name": "tested", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(jupyter))
        patch.setenv("IPYTHONDIR", str(jupyter / "ipython"))
        patch.setenv("OMP_NUM_THREADS", "1")
        resources = {"metadata": {"path": str(folder)}}
        # On a busy machine a kernel takes minutes to start.
        NotebookClient(notebook, timeout=900, startup_timeout=900, kernel_name="tested", resources=resources).execute()
