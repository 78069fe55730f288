"""Find the code that the result of a job depends on, and digest it.

A digest covers the import closure of a job's script and of the modules that define the records in the job, read from
syntax trees. The closure stops at modules named `registry.py`, which list all parts of a kind: a new line in one
changes the digest of no job that does not use the new part. Comments, docstrings and imports for type checkers alone do
not count. A data file counts where code names it by a path relative to its own folder.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import NamedTuple

from pg.claims.record import ClaimPart
from pg.core.record import Record
from pg.environments.record import Environment
from pg.environments.registry import CONTROLLERS, OWN
from pg.experiments.figures.lookup import kind_of
from pg.laboratory.job import MeasurementJob
from pg.parts.starts.clone import Clone
from pg.plotting.record import Figure
from pg.study.record import Study

_ROOT = Path(__file__).parents[2]
_QUOTED_FILE = re.compile(r"""["']([\w./-]+\.\w+)["']""")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class _Source(NamedTuple):
    """The name and digest of one file without comments and docstrings, and the files that it imports or reads."""

    digest: str
    uses: frozenset[Path]


def code_digest(*entries: Path | str) -> str:
    """Return the digest of the code that some entries use: paths of files, or dotted names of modules of `pg`."""
    return _digest(frozenset(path for entry in entries for path in _files(entry)))


def covered_files(*entries: Path | str) -> frozenset[Path]:
    """Return the files that `code_digest` covers."""
    return _closure(frozenset(path for entry in entries for path in _files(entry)))


def defining_files(record: Record) -> frozenset[Path | str]:
    """Return the modules that define a record, its inner records and what they name: files, or names if in `pg`."""
    modules = set[str]()
    for one in _records(record):
        modules.add(type(one).__module__)
        match one:
            case Environment(id=name) if name in OWN:
                modules.add(OWN[name].make.__module__)
            case Environment(id=name) if ":" in name:
                modules.add(name.rpartition(":")[0])
            case Clone(controller=str(name)):
                modules.add(CONTROLLERS[name].rule.__module__)
            case ClaimPart():
                modules.add(type(one.decision).__module__)
            case Figure(kind=kind) if ":" in kind:
                modules.add(kind.partition(":")[0])
            case Study():
                for figure in one.figures.values():
                    kind = kind_of(figure, one.experiments[figure.experiment])
                    modules |= {kind.module} if kind.play is None else {kind.module, kind.play.module}
            case MeasurementJob(measured_by=function):
                modules.add(function.partition(":")[0])
            case _:
                pass
    return frozenset(map(_file_or_module, modules))


@cache
def _file_or_module(name: str) -> Path | str:
    # A module of the user is located without importing it, because matplotlib takes a second to import.
    spec = None if name.startswith("pg.") else find_spec(name)
    return name if spec is None or spec.origin is None else Path(spec.origin)


def _records(value: object) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        value = value.__dict__
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            yield from _records(item)


@cache
def _digest(entries: frozenset[Path]) -> str:
    lines = sorted(_source(path).digest for path in _closure(entries))
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


@cache
def _closure(entries: frozenset[Path]) -> frozenset[Path]:
    found: set[Path] = set()
    waiting = set(entries)
    while waiting:
        found |= waiting
        waiting = {path for source in map(_source, waiting) for path in source.uses} - found
    return frozenset(found)


@cache
def _source(path: Path) -> _Source:
    content = path.read_bytes()
    text, used = content.decode(errors="ignore"), set[Path]()
    if path.suffix == ".py":
        tree = ast.parse(content)
        _prune(tree)
        text = _dumped(tree)
        used = {one for one in _imported(tree, path) if one.name != "registry.py"}
    quoted = (path.parent / name for name in _QUOTED_FILE.findall(text))
    used |= {one.resolve() for one in quoted if one.suffix != ".py" and one.is_file()}
    return _Source(f"{_name(path)} {sha256(text.encode()).hexdigest()}", frozenset(used))


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name


def _dumped(tree: ast.Module) -> str:
    """Return the text of a syntax tree that Python 3.11 writes, so that no other version of Python reruns a job."""
    options = {"show_empty": True} if sys.version_info >= (3, 13) else {}
    return ast.dump(tree, **options).replace(", type_params=[]", "")


def _prune(tree: ast.Module) -> None:
    """Drop docstrings and blocks for type checkers."""
    for node in (tree, *_statements(tree.body)):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                node.body = []


def _statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Walk the statements of a body and of the blocks in it, without their expressions."""
    for node in body:
        yield node
        for block in _BLOCKS:
            yield from _statements(getattr(node, block, ()))


def _imported(tree: ast.Module, path: Path) -> Iterator[Path]:
    in_package = path.is_relative_to(_ROOT / "pg")
    for node in _statements(tree.body):
        match node:
            case ast.Import(names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module, names, level):
                package = _name(path.parent).replace("/", ".")
                module = resolve_name("." * (level or 0) + (module or ""), package)
                modules = [f"{module}.{alias.name}" for alias in names]
            case _:
                continue
        for module in modules:
            if module.partition(".")[0] == "pg":
                yield from _modules(module, _ROOT)
            elif not in_package:
                yield from _modules(module, path.parent)


@cache
def _files(entry: Path | str) -> Sequence[Path]:
    return [entry.resolve()] if isinstance(entry, Path) else _modules(entry, _ROOT)


@cache
def _modules(name: str, folder: Path) -> Sequence[Path]:
    """Find the files in a folder that run when a module is imported.

    The last part of the name may be something in a module rather than a module.
    """
    parts = name.split(".")
    places = [folder.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    files = [path for place in places for path in (place / "__init__.py", place.with_suffix(".py"))]
    return [path for path in files if path.is_file()]
