"""Plant one bug at a time in a copy of the code, and check that a test fails.

The bugs are in `mutations.yaml`. Run `python tests/mutations.py`, or with `--few` for the first three. If no
test fails for a bug, the script names the bug and exits with status 1. A bug is located by its function and an
expression or statement in it, and stays valid as long as these two exist.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import PIPE, STDOUT
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).parent.parent
COPIED = ("docs", "pg", "tests", "workflow", "config.yaml", "pyproject.toml")
FEW = 3
WORKERS = 2
PASSED, FAILED = 0, 1
ELSEWHERE = 99
PROGRAM = f"""
import sys, pathlib, pg, pytest
in_copy = pathlib.Path(pg.__file__).resolve().is_relative_to(pathlib.Path.cwd())
sys.exit(pytest.main(sys.argv[1:]) if in_copy else {ELSEWHERE})
"""
"""Run pytest, if `pg` is imported from the copy in the working directory."""


@dataclass(frozen=True)
class Bug:
    """A planted bug.

    Attributes
    ----------
    function
        Qualified name of the function, as `RunningScale.observe`; `probe.measure:measures` where modules share it.
    old, new
        An expression or statement that the function holds once, and what replaces it.
    why
        The resulting error.
    tests
        Tests that should fail; by default those of the function's module.
    """

    function: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.function}: {self.why}"


class BrokenBug(RuntimeError):
    """A bug that cannot be tested: its code is not found exactly once, or its tests do not run or fail without it."""


BUGS = tuple(
    Bug(function, bug["old"], bug["new"], bug["why"], tuple(bug.get("tests", ())))
    for function, bugs in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")).items()
    for bug in bugs
)


def plant(bug: Bug) -> tuple[Path, str]:
    """Return the path of the file that a bug is planted in, relative to the root, and its changed source.

    Raises
    ------
    BrokenBug
        If the code is not found exactly once.
    """
    module, _, name = bug.function.rpartition(":")
    found: list[tuple[Path, str]] = []
    for path in _index().get(name, ()):
        if path.as_posix().endswith(f"{module.replace('.', '/')}.py"):
            planting, tree = _Planting(bug), ast.parse((ROOT / path).read_text(encoding="utf-8"))
            for _, definition in (one for one in _definitions(tree) if one[0] == name):
                planting.visit(definition)
            found += [(path, ast.unparse(tree))] * planting.count
    if len(found) != 1:
        raise BrokenBug(f"{bug}: {bug.old!r} is found {len(found)} times")
    return found[0]


class _Planting(ast.NodeTransformer):
    """Replaces the bug's code in what it visits, and counts how often."""

    def __init__(self, bug: Bug) -> None:
        (old, *_), self._new = _parsed(bug.old), _parsed(bug.new)
        self._kind = ast.expr if isinstance(old, ast.expr) else ast.stmt
        self._old = ast.unparse(old)
        self.count = 0

    def visit(self, node: ast.AST) -> ast.AST | Sequence[ast.AST]:
        if not isinstance(node, self._kind) or ast.unparse(node) != self._old:
            return self.generic_visit(node)
        self.count += 1
        return self._new if isinstance(node, ast.stmt) else self._new[0]


def _parsed(code: str) -> Sequence[ast.expr] | Sequence[ast.stmt]:
    """Parse statements, or one expression."""
    body = ast.parse(code).body
    return [body[0].value] if len(body) == 1 and isinstance(body[0], ast.Expr) else body


@cache
def _index() -> Mapping[str, Sequence[Path]]:
    """Map the qualified names of all classes and functions of `pg` to the modules that define them."""
    index: dict[str, list[Path]] = {}
    for path in sorted((ROOT / "pg").rglob("*.py")):
        for name in dict(_definitions(ast.parse(path.read_text(encoding="utf-8")))):
            index.setdefault(name, []).append(path.relative_to(ROOT))
    return index


def _definitions(node: ast.AST, scope: str = "") -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield scope + child.name, child
            inner = f"{scope}{child.name}."
        yield from _definitions(child, inner)


def tests_of(bug: Bug) -> Sequence[str]:
    """Return the tests of a bug: its own, or those of the module or of the folder in which it is planted.

    Raises
    ------
    BrokenBug
        If there is no such file.
    """
    _, *folders, module = plant(bug)[0].with_suffix("").parts
    package = "/".join(("tests", *folders[:1]))
    names = bug.tests or [f"{package}/test_{name}.py" for name in (module, *reversed(folders[1:]))]
    found = [name for name in names if (ROOT / name.split("::")[0]).is_file()]
    if not found or (bug.tests and len(found) < len(bug.tests)):
        raise BrokenBug(f"{bug}: there are no tests {' or '.join(names)}")
    return found if bug.tests else found[:1]


def survivors(bugs: Sequence[Bug]) -> list[Bug]:
    """Plant each bug in a separate copy, a few at a time, and return those that no test notices.

    Raises
    ------
    BrokenBug
        If one cannot be planted, or its tests cannot be run, or fail without it.
    """
    every_test = sorted({test for bug in bugs for test in tests_of(bug)})
    with ThreadPoolExecutor(WORKERS) as pool:
        unchanged = pool.submit(_tested, every_test)
        noticed = list(pool.map(_is_noticed, bugs))
    if unchanged.result().returncode != PASSED:
        raise BrokenBug(f"the tests fail without any planted bug\n{unchanged.result().stdout}")
    return [bug for bug, seen in zip(bugs, noticed, strict=True) if not seen]


def _is_noticed(bug: Bug) -> bool:
    tested = _tested(["-x", *tests_of(bug)], plant(bug))
    status = tested.returncode
    if status == ELSEWHERE:
        raise BrokenBug("the tests would import `pg` from another place than the copy")
    if status not in (PASSED, FAILED):
        raise BrokenBug(f"{bug}: the tests ended with status {status}\n{tested.stdout}")
    print(f"{'noticed ' if status == FAILED else 'SURVIVED'} {bug}", flush=True)
    return status == FAILED


def _tested(arguments: Iterable[str], planted: tuple[Path, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy of the code and return the status of pytest and what it printed."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.pyc"))
            else:
                shutil.copy(ROOT / part, folder / part)
        if planted is not None:
            (folder / planted[0]).write_text(planted[1], encoding="utf-8")
        # The copy precedes whatever is installed, and writes no bytecode.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = os.environ | threads | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", PROGRAM, "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT, text=True, check=False)


def main() -> int:
    """Plant all bugs, or a few, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help=f"plant the first {FEW} only")
    chosen = BUGS[:FEW] if parser.parse_args().few else BUGS
    left = survivors(chosen)
    print(f"{len(chosen) - len(left)} of {len(chosen)} planted bugs were noticed")
    for bug in left:
        print(f"survived: {bug}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
