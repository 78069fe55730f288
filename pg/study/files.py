"""Read study files: the base that a study builds on, modules of the user, and lines of keys."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pg.core.errors import InvalidStudy
from pg.core.home import HOME
from pg.environments.registry import OWN
from pg.study.inheritance import merged
from pg.study.reading import check_for_snakemake, read_yaml

# Snakemake runs the Python expressions of a file that has this key.
_TEMPLATE = "__use_yte__"

# Limits of a base.
_MOST_FILES = 100
_LONGEST_CHAIN = 50
_MOST_NAMES = 10_000

# The module of `module:Class`, or of an environment `module:id`, among the values of a study file.
_OWN_MODULE = re.compile(r"'([A-Za-z_]\w{0,99})(?:\.\w+)*:[\w./-]+'")


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A study file as it is written: its options, and the line of each key and list item by its path."""

    path: Path
    options: dict[str, Any]
    lines: Mapping[str, int]


def read_file(path: Path) -> StudyFile:
    """Read a study file without its base, and without validating its options.

    Raises
    ------
    InvalidStudy
        If `read_yaml` refuses the file, or it is not a mapping.
    """
    options, lines = read_yaml(path)
    if not isinstance(options, dict):
        raise InvalidStudy([f"{path}: must be a mapping of keys to values, not {type(options).__name__}"])
    if _TEMPLATE in options:
        raise InvalidStudy([f"{path}: {_TEMPLATE}: is not allowed; a study has only values, and a template runs code"])
    return StudyFile(path, options, lines)


def check_arguments(arguments: Sequence[str]) -> None:
    """Exit with a message if a file of `--configfile` is none that `read_file` and Snakemake read.

    `profiles/default` calls this, because Snakemake reads these files before the Snakefile: without limits, and it runs
    the code of a template.
    """
    # Its own parser knows all spellings of an option. It has accepted these arguments before it reads a profile.
    from snakemake.cli import get_argument_parser

    try:
        for path in get_argument_parser().parse_args(arguments).configfile:
            read_file(path)
            check_for_snakemake(path)
    except InvalidStudy as invalid:
        print(invalid, file=sys.stderr)
        sys.exit(1)


def with_base(options: Mapping[str, Any], files: Sequence[StudyFile]) -> tuple[dict[str, Any], list[StudyFile]]:
    """Merge options over the files that their `base` names, and return them with all files that were read.

    Later files override earlier ones. A base is relative to the file that names it; if only the command line names one,
    to the working folder; otherwise to the studies of this repository.

    Raises
    ------
    InvalidStudy
        If a base is missing, illegal or too large, names itself, or has an entry in two of its files.
    """
    naming = [file.path for file in files if "base" in file.options]
    return _with_base(options, files, naming[-1] if naming else None, ())


def _with_base(
    options: Mapping[str, Any], files: Sequence[StudyFile], naming: Path | None, above: tuple[Path, ...]
) -> tuple[dict[str, Any], list[StudyFile]]:
    own = {key: value for key, value in options.items() if key != "base"}
    if "base" not in options:
        return own, [*files]
    above = (*above, *([naming.resolve()] if naming else []))
    if len(above) > _LONGEST_CHAIN:
        raise InvalidStudy([f"{naming}: base: more than {_LONGEST_CHAIN} files build on each other"])
    below: dict[str, Any] = {}
    read: list[StudyFile] = []
    origins: dict[str, Path] = {}
    for path in _base_paths(options["base"], naming):
        if path.resolve() in above:
            raise InvalidStudy([f"{naming}: base: {path} is based on this file; remove one of the two"])
        file = read_file(path)
        its_options, its_files = _with_base(file.options, [file], path, above)
        # Only one file may set an entry of a section, or a plain value.
        for key, value in its_options.items():
            for entry in [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]:
                if entry in origins:
                    where = f"{origins[entry]} and {path}"
                    raise InvalidStudy([f"{entry}: is in two files of the base, {where}; remove one"])
                origins[entry] = path
        below, read = merged(below, its_options), [*read, *its_files]
        if len(read) > _MOST_FILES:
            raise InvalidStudy([f"{naming or 'base'}: base: has more than {_MOST_FILES} files"])
    return merged(below, own), [*read, *files]


def _base_paths(base: Any, naming: Path | None) -> Iterator[Path]:
    """Yield the files of a base: the named files, and all files in named folders, sorted by name."""
    at = "base" if naming is None else f"{naming}: base"
    for name in [base] if isinstance(base, str) else base if isinstance(base, list) else [None]:
        if not isinstance(name, str):
            raise InvalidStudy([f"{at}: should be a file, a folder, or a list of them; it is {base!r}"])
        path = Path(name) if naming is None else naming.parent / name
        try:
            known = Path(os.path.relpath(HOME / "workflow/studies"), name)
            path = known if known.exists() and not path.exists() else path
            found = sorted(_files_below(path)) if path.is_dir() else [path]
            exists = not found or found[0].exists()
        except OSError as error:
            raise InvalidStudy([f"{at}: {name:.100}: {error.strerror}"]) from error
        if not found:
            raise InvalidStudy([f"{at}: the folder {path} holds no file *.yaml"])
        if not exists:
            raise InvalidStudy([f"{at}: there is no file or folder {path}"])
        yield from found


def _files_below(folder: Path) -> Iterator[Path]:
    names = 0
    for place, folders, files in os.walk(folder):
        names += len(folders) + len(files)
        if names > _MOST_NAMES:
            raise InvalidStudy([f"base: the folder {folder} holds more than {_MOST_NAMES:,} files and folders"])
        yield from (Path(place, name) for name in files if name.endswith(".yaml"))


def declared_in(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return where study files and their bases declare each entry of a section, as "file:line", by "section.entry"."""
    places: dict[str, list[str]] = {}
    for path in paths:
        top = read_file(path)
        for file in with_base(top.options, [top])[1]:
            for key, line in file.lines.items():
                if key.count(".") == 1:
                    places.setdefault(key, []).append(f"{os.path.normpath(file.path)}:{line}")
    return places


def make_importable(options: Mapping[str, Any], files: Sequence[StudyFile]) -> None:
    """Add the folders of study files with modules that the options name to the paths of this process and its children.

    A value `my_parts:Median` names a class in `my_parts.py` next to a study file, and `my_world:Walk-v0` an environment
    that `my_world.py` registers; the last file has precedence.
    """
    folders = [file.path.parent.resolve() for file in reversed(files)]
    for module in dict.fromkeys(_OWN_MODULE.findall(str(options))):
        holding = (one for one in folders if (one / f"{module}.py").is_file() or (one / module).is_dir())
        folder = str(next(holding, ""))
        inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        if folder and folder not in sys.path:
            sys.path.append(folder)
        if folder and folder not in inherited:
            os.environ["PYTHONPATH"] = os.pathsep.join([*inherited, folder])


def runs_code_of_others(options: Mapping[str, Any]) -> bool:
    """Return whether validating options may run code of a module that they name, or of others with their arguments."""
    environments = options.get("environments")
    declared = environments.values() if isinstance(environments, dict) else ()
    with_arguments = (one.get("id") for one in declared if isinstance(one, dict) and one.get("kwargs"))
    return bool(_OWN_MODULE.search(str(options))) or any(str(one) not in OWN for one in with_arguments)


def located(problems: Iterable[str], files: Sequence[StudyFile]) -> list[str]:
    """Put file and line before each problem: those of its key, or of the nearest enclosing key in a file."""
    lines = {key: f"{file.path}:{line}: " for file in files for key, line in file.lines.items()}
    found: list[str] = []
    for problem in problems:
        # Messages of whole records begin with a key inside them.
        first, second, *_ = (*problem.split(": "), "")
        steps = f"{first}.{second}".split(".")
        places = (".".join(steps[:end]) for end in range(len(steps), 0, -1))
        found.append(next((lines[place] for place in places if place in lines), "") + problem)
    return found
