"""Let a study name parts in modules of the user: `my_parts:Median` is a class in `my_parts.py` next to a study file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_CLASS = re.compile(r"([A-Za-z_]\w*)(?:\.\w+)*:[A-Za-z_]\w*")


def make_importable(options: Mapping[str, Any], folders: Sequence[Path]) -> None:
    """Add the folders with modules that a study names to the paths of this process and of those that it starts.

    Parameters
    ----------
    options
        The options of the study.
    folders
        The folders of its files. If several have a module of the same name, the last is used.
    """
    for module in dict.fromkeys(_modules_in(options)):
        for folder in reversed(folders):
            if folder.joinpath(f"{module}.py").is_file() or folder.joinpath(module).is_dir():
                _add(str(folder.resolve()))
                break


def _add(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if folder not in inherited:
        os.environ["PYTHONPATH"] = os.pathsep.join([*inherited, folder])


def _modules_in(options: Any) -> Iterator[str]:
    if isinstance(options, str) and (named := _CLASS.fullmatch(options)):
        yield named[1]
    items = options.values() if isinstance(options, Mapping) else options if isinstance(options, list) else ()
    for item in items:
        yield from _modules_in(item)
