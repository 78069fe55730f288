"""Problems of the results folder that a study names."""

from __future__ import annotations

from itertools import count
from pathlib import Path, PurePosixPath

from pg.experiments.lookup import FOLDERS
from pg.runs.results_folder import MARK, study_of
from pg.study.record import Study

_FOLDERS_OF_CODE = ("pg", "workflow", "tests", "reference")
_FOLDERS_OF_RESULTS = (
    *("runs", "evaluations", "snapshots", "tuned", *FOLDERS, "tables", "claims", "figures"),
    *("logs", "benchmarks", "peers"),
)


def problem_of_results(study: Study) -> str | None:
    """Return why a study must not write into the results folder that it names; None if it may."""
    folder = study.results
    first, *others = PurePosixPath(folder).parts
    if first in _FOLDERS_OF_CODE:
        return f"results: {folder!r} is in a folder of the code; use another folder, for example results/mine"
    if used := [part for part in others if part in _FOLDERS_OF_RESULTS]:
        return (
            f"results: {folder!r}: studies store results in folders named {used[0]!r}; use another name, for example "
            f"{folder.replace(used[0], f'my_{used[0]}', 1)}"
        )
    if files := [path for path in (Path(folder), *Path(folder).parents) if path.exists() and not path.is_dir()]:
        return f"results: {folder!r}: {files[0]} is a file; delete it, or use another folder"
    owner = study_of(Path(folder))
    if owner is None or owner == study.name:
        return None
    return (
        f"results: {folder} belongs to the study {owner!r}, and this study is {study.name!r}; use another folder, for "
        f"example results: {_unused(first)}. If this is the same study with a new name, delete {Path(folder, MARK)} "
        "and rerun"
    )


def _unused(parent: str) -> Path:
    folders = (Path(parent, "mine" if number == 1 else f"mine_{number}") for number in count(1))
    return next(folder for folder in folders if not folder.exists())
