"""Read study files: YAML with unique keys, the base that a study builds on, and the line of every key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pg.study.inheritance import merged
from pg.study.refusal import InvalidStudy

# Snakemake runs the Python expressions of a file that has this key.
_TEMPLATE = "__use_yte__"

# The loader in C is seven times as fast, where PyYAML was built with it; it crashes on deep nesting.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A study file as it is written.

    Attributes
    ----------
    path
        Where it is.
    options
        Its mapping of keys to values.
    lines
        The line of each key and list item, by its path joined with dots.
    """

    path: Path
    options: dict[str, Any]
    lines: Mapping[str, int]


def read_file(path: Path) -> StudyFile:
    """Read a study file without its base, and without validating its options.

    Raises
    ------
    InvalidStudy
        If the file is missing, is not YAML (with line and column), repeats a key, or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_depth(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        lines = dict(_lines(node, "", set()))
        options = None if node is None else loader.construct_document(node)
    except OSError as error:
        raise InvalidStudy([f"{path}: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidStudy([f"{path} is not YAML: {_syntax_problem(error)}"]) from error
    if not isinstance(options, dict):
        raise InvalidStudy([f"{path}: must be a mapping of keys to values, not {type(options).__name__}"])
    if _TEMPLATE in options:
        raise InvalidStudy([f"{path}: {_TEMPLATE}: is not allowed; a study has only values, and a template runs code"])
    return StudyFile(path, options, lines)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            problem = f"more than {_DEEPEST} lists and mappings inside each other"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _lines(node: yaml.Node | None, at: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Yield path and line of every key and item; refuse a key that is listed twice, where PyYAML takes the last."""
    # An alias is the same node again; it may contain itself.
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield f"{at}{index}", item.start_mark.line + 1
            yield from _lines(item, f"{at}{index}.", seen)
    elif isinstance(node, yaml.MappingNode):
        found: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in found:
                    problem = f"the key {key.value!r} is listed twice, first in line {found[key.value]}; remove one"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                found[key.value] = key.start_mark.line + 1
                yield f"{at}{key.value}", found[key.value]
                yield from _lines(value, f"{at}{key.value}.", seen)


def _syntax_problem(error: Exception) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"


def with_base(options: Mapping[str, Any], files: Sequence[StudyFile]) -> tuple[dict[str, Any], list[StudyFile]]:
    """Merge options over the files that their `base` names.

    Parameters
    ----------
    options
        The options of a study file, possibly with values of the command line merged in.
    files
        The files that the options were read from. A base is relative to the file that names it, and to the working
        folder where none does.

    Returns
    -------
    merged, files
        The options without `base`, and all files that were read; later files override earlier ones.

    Raises
    ------
    InvalidStudy
        If a base is missing or illegal, names itself, or has an entry in two of its files.
    """
    naming = [file.path for file in files if "base" in file.options]
    return _with_base(options, list(files), naming[-1] if naming else None, ())


def _with_base(
    options: Mapping[str, Any], files: list[StudyFile], naming: Path | None, heirs: tuple[Path, ...]
) -> tuple[dict[str, Any], list[StudyFile]]:
    own = {key: value for key, value in options.items() if key != "base"}
    if "base" not in options:
        return own, files
    heirs = (*heirs, *([naming.resolve()] if naming else []))
    below: dict[str, Any] = {}
    read: list[StudyFile] = []
    origins: dict[tuple[str, ...], Path] = {}
    for path in _base_paths(options["base"], naming):
        if path.resolve() in heirs:
            raise InvalidStudy([f"{naming}: base: {path} is based on this file; remove one of the two"])
        file = read_file(path)
        merged_file, its_files = _with_base(file.options, [file], path, heirs)
        for entry in _entries(merged_file):
            if entry in origins:
                where = " and ".join(str(one) for one in (origins[entry], path))
                raise InvalidStudy([f"{'.'.join(entry)}: is in two files of the base, {where}; remove one"])
            origins[entry] = path
        below, read = merged(below, merged_file), [*read, *its_files]
    return merged(below, own), [*read, *files]


def _base_paths(base: Any, naming: Path | None) -> Iterator[Path]:
    """Yield the files of a base: the named files, and all files in named folders, sorted by name."""
    at = "base" if naming is None else f"{naming}: base"
    for name in [base] if isinstance(base, str) else base if isinstance(base, list) else [None]:
        if not isinstance(name, str):
            raise InvalidStudy([f"{at}: should be a file, a folder, or a list of them; it is {base!r}"])
        path = Path(name) if naming is None else naming.parent / name
        found = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise InvalidStudy([f"{at}: the folder {path} holds no file *.yaml"])
        if not found[0].exists():
            raise InvalidStudy([f"{at}: there is no file or folder {path}"])
        yield from found


def _entries(options: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the keys that only one file of a base may set: named entries of sections, and plain values."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from ((str(key), str(name)) for name in value)
        else:
            yield (str(key),)


def located(problems: Iterable[str], files: Sequence[StudyFile]) -> list[str]:
    """Put file and line before each problem: those of its key, or of the nearest enclosing key in the file."""
    return [_location(problem.split(": ")[0], files) + problem for problem in problems]


def _location(place: str, files: Sequence[StudyFile]) -> str:
    while place:
        for file in reversed(files):
            if place in file.lines:
                return f"{file.path}:{file.lines[place]}: "
        place = place.rpartition(".")[0]
    return ""
