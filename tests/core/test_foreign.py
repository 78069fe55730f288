"""Code that a study file names may fail in any way, and not end: one message, in limited time."""

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from pg.core import foreign
from pg.core.errors import InvalidStudy
from pg.core.foreign import ForeignError, NoTexts, import_named, rehearse, texts_of, without_imports

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


def test_code_is_limited_also_after_other_code_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> None:
        with foreign.foreign("outer code"):
            with foreign.foreign("inner code"):
                pass
            time.sleep(60)

    monkeypatch.setattr(foreign, "MOST_SECONDS", 1)
    with pytest.raises(InvalidStudy, match="outer code does not end"):
        run()


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


CLOSING = "code that the study names closes the standard output or error; remove that"
# A blocked signal interrupts nothing, as in compiled code.
BLOCKED = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\nwhile True: pass"
FATAL = {
    "import faulthandler, ctypes\nfaulthandler.disable()\nctypes.string_at(0)": "the module 'named' crashes with SIG",
    "import os\nos._exit(0)": "the module 'named' ends the process",
    "import os\nos.close(1)": CLOSING,
    "import sys\nsys.stderr.close()": CLOSING,
    BLOCKED: "the module 'named' does not end within 1 seconds; set PG_MODULE_SECONDS",
    "import time\ntime.sleep(1000)": "the module 'named' does not end within 1 seconds; set PG_MODULE_SECONDS",
}


@pytest.mark.parametrize(("code", "message"), FATAL.items())
def test_code_that_would_end_or_silence_this_process_gives_one_message(
    module: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    monkeypatch.setattr(foreign, "MOST_SECONDS", 1)
    module.write_text(code)
    with pytest.raises(InvalidStudy) as refused:
        rehearse(lambda: import_named("named"))
    (problem,) = refused.value.problems
    assert problem.startswith(message)
    assert "named" not in sys.modules


def test_a_rehearsal_of_legal_code_prints_nothing(module: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module.write_text("import os\nprint('out', flush=True)\nos.system('echo out')")
    rehearse(lambda: import_named("named"))
    assert capfd.readouterr() == ("", "")
    assert import_named("named")
    assert capfd.readouterr().out == "out\nout\n"


@pytest.mark.parametrize("code", ["1 / 0", "raise KeyboardInterrupt", "raise SystemExit(0)"])
def test_other_exceptions_are_left_to_the_code_that_runs_next(module: Path, code: str) -> None:
    module.write_text(code)
    rehearse(lambda: import_named("named"))


def test_a_user_who_interrupts_a_rehearsal_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(foreign, "_answered", interrupt)
    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        rehearse(signal.pause)
    assert psutil.Process().children() == before


class Texts:
    def several(self) -> object:
        yield from ("a", "b")

    def one(self) -> object:
        return "a reason"

    def none(self) -> object:
        return None

    def mixed(self) -> object:
        return ["a", 3]


def test_methods_of_others_return_texts() -> None:
    assert texts_of(Texts().several) == ("a", "b")
    assert texts_of(Texts().one) == ("a reason",)
    with pytest.raises(NoTexts, match=r"test_foreign:Texts\.none should return texts; it returns None$"):
        texts_of(Texts().none)
    with pytest.raises(NoTexts, match=r"test_foreign:Texts\.mixed should return texts; it returns 3$"):
        texts_of(Texts().mixed)
