"""Code that a study file names may fail in any way, and not end: one message, in limited time."""

import signal
import sys
from pathlib import Path

import pytest
from pg.core import foreign
from pg.core.errors import InvalidStudy
from pg.core.foreign import ForeignError, import_named, without_imports

FAILING = {
    "raise RuntimeError('boom')": "RuntimeError: boom",
    "def (:": "SyntaxError: invalid syntax",
    "import sys; sys.exit(3)": "SystemExit: 3",
    "class Own(BaseException): pass\nraise Own('a\\nb')": "Own: a b",
    "class Silent(Exception):\n    def __str__(self): raise RuntimeError\nraise Silent": "Silent",
    "raise ValueError('x' * 1000)": "ValueError: " + "x" * 300 + "…",
    "def f(): f()\nf()": "RecursionError: maximum recursion depth exceeded",
    "import absent_module": "No module named 'absent_module'",
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "named", raising=False)
    return tmp_path / "named.py"


@pytest.mark.parametrize(("code", "message"), FAILING.items())
def test_a_module_that_fails_gives_the_reason(module: Path, code: str, message: str) -> None:
    module.write_text(code)
    with pytest.raises(ForeignError) as failed:
        import_named("named")
    assert str(failed.value).startswith(message)


@pytest.mark.parametrize("name", [".named", "", "..", "a..b", "named.", "a\0b"])
def test_a_name_of_no_module_gives_the_reason(module: Path, name: str) -> None:
    module.write_text("")
    with pytest.raises(ForeignError):
        import_named(name)


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(1000)"])
def test_a_module_that_does_not_end_is_interrupted(module: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(foreign, "MOST_SECONDS", 1)
    module.write_text(code)
    with pytest.raises(InvalidStudy, match="the module 'named' does not end within 1 seconds; set PG_MODULE_SECONDS"):
        import_named("named")


def test_code_that_ends_is_not_interrupted_later(module: Path) -> None:
    before = signal.getsignal(signal.SIGALRM)
    module.write_text("import signal\nleft = signal.getitimer(signal.ITIMER_REAL)[0]")
    assert 0 < import_named("named").left <= foreign.MOST_SECONDS
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_no_module_is_imported_where_that_is_forbidden(module: Path) -> None:
    module.write_text("raise RuntimeError")
    with without_imports(), pytest.raises(ForeignError, match="add --import-modules if you trust it"):
        import_named("named")
    assert "named" not in sys.modules
