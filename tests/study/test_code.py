"""A digest covers the code that a job can run, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pg.study import code

FILES = {
    "script.py": "from pg import ladder\nimport helper\n",
    "helper.py": "import numpy\n",
    "pg/__init__.py": "",
    "pg/ladder.py": """
from typing import TYPE_CHECKING
from pg.registry import PARTS
if TYPE_CHECKING:
    from pg.typed import Typed
def climb():
    \"""Climb.\"""
    try:
        from .rungs import rung
    except ImportError:
        import pg.fallback
""",
    "pg/registry.py": "from pg.part import Part\nPARTS = (Part,)\n",
    "pg/part.py": "class Part: pass\n",
    "pg/typed.py": "",
    "pg/fallback.py": "",
    "pg/unused.py": "",
    "pg/rungs/__init__.py": "",
    "pg/rungs/rung.py": "TABLE = 'table.csv'\n",
    "pg/rungs/table.csv": "x\n1\n",
    "pg/rungs/unread.csv": "x\n1\n",
}
REACHED = {
    *("script.py", "helper.py", "pg/__init__.py", "pg/ladder.py", "pg/fallback.py"),
    *("pg/rungs/__init__.py", "pg/rungs/rung.py", "pg/rungs/table.csv"),
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    forget()


def forget() -> None:
    """Forget what was read before, as a new process does."""
    for cached in (code._digest, code._closure, code._source, code._modules, code._files):
        cached.cache_clear()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package with a script."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    return tmp_path


def covered(tree: Path, *modules: str) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in code.covered_files(tree / "script.py", *modules)}


def test_closure_follows_imports_wherever_they_run(tree: Path) -> None:
    assert covered(tree) == REACHED


def test_closure_passes_a_registry_only_to_named_parts(tree: Path) -> None:
    assert covered(tree, "pg.part") == {*REACHED, "pg/part.py"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_digest_changes_with_covered_files_only(tree: Path, name: str) -> None:
    before = code.code_digest(tree / "script.py")
    (tree / name).write_text(FILES[name] + "added = 1\n", encoding="utf-8")
    forget()
    assert (code.code_digest(tree / "script.py") != before) == (name in REACHED)


@pytest.mark.parametrize("name", sorted(one for one in FILES if one.endswith(".py")))
def test_comments_and_docstrings_change_no_digest(tree: Path, name: str) -> None:
    before = code.code_digest(tree / "script.py")
    text = FILES[name].replace('"""Climb."""', '"""Descend."""')
    (tree / name).write_text(f'"""Another docstring."""\n# A comment.\n{text}', encoding="utf-8")
    forget()
    assert code.code_digest(tree / "script.py") == before


def test_the_version_of_python_changes_no_digest(tree: Path) -> None:
    assert code.code_digest(tree / "script.py") == "4d973c159efa1493"


def test_a_moved_checkout_keeps_its_digests(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code.code_digest(tree / "script.py")
    moved = tree.rename(tree.with_name("moved"))
    monkeypatch.setattr(code, "_ROOT", moved)
    forget()
    assert code.code_digest(moved / "script.py") == before
