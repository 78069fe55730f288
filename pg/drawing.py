"""A figure from files to files: read the tables it is drawn from, draw it, and write picture and caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pg.evidence import records
from pg.presentation import figures, style
from pg.study.model import Study


def draw_figure(study: str, tables: Mapping[str, str], choices: Sequence[str], outputs: Mapping[str, str]) -> None:
    """Draw the one figure that a study declares.

    Parameters
    ----------
    study
        The study as JSON.
    tables
        Paths of the tables by name.
    choices
        Paths of the tuning records, in the order of the cells.
    outputs
        Paths of the `print` and `png` pictures and of the `caption`.
    """
    declared = Study.model_validate_json(study)
    (figure,) = declared.figures.values()
    read = {name: records.read_csv(path) for name, path in tables.items()}
    request = figures.requested(declared, figure, read, [records.read_json(path) for path in choices])
    picture = figures.draw(request)
    for name in ("print", "png"):
        style.save(picture, Path(outputs[name]))
    records.write_text(figures.caption(request) + "\n", outputs["caption"])
