"""Where the files are that belong to the package and are not Python."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]

HOME = _PACKAGE if (_PACKAGE / "workflow").is_dir() else _PACKAGE.parent
"""The folder with `config.yaml`, `workflow/` and `reference/`: the checkout, or the installed package."""

SNAKEFILE = next(path for path in (HOME / "workflow/Snakefile", HOME / "Snakefile") if path.is_file())

REFERENCE = HOME / "reference"
"""The folder of the results of the lecture's study, and of others."""


def snakemake() -> str:
    """Return the command that runs the workflow from the working folder; Snakemake finds a Snakefile that is there."""
    found = any(Path(name).is_file() for name in ("Snakefile", "workflow/Snakefile"))
    return "snakemake --cores all" if found else 'snakemake -s "$(python -m pg snakefile)" --cores all'
