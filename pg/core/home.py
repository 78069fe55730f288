"""Where the files are that belong to the package and are not Python."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]

HOME = _PACKAGE if (_PACKAGE / "workflow").is_dir() else _PACKAGE.parent
"""The folder with `config.yaml`, `workflow/` and `reference/`: the checkout, or the installed package."""

SNAKEFILE = HOME / "workflow/Snakefile"

REFERENCE = HOME / "reference"
"""The folder of the results of the lecture's study, and of others."""


def snakemake() -> str:
    """Return the command that runs the workflow from the working folder; Snakemake finds a Snakefile that is there."""
    found = Path("workflow/Snakefile").is_file()
    return "snakemake --cores all" if found else 'snakemake -s "$(python -m pg snakefile)" --cores all'
