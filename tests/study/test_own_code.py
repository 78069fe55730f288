"""Code of the user that fails while a study is validated is named with its line."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.core.errors import InvalidStudy
from pg.study.validation import read
from tests.study.studies import put

BASELINE = "from pg.parts.baselines.base import Baseline\nclass Mine(Baseline):\n    def __call__(self, _): ...\n"
KIND = "from pg.experiments.kind import Measurement\nclass Mine(Measurement):\n    metrics = ()\n"
FAILING = {
    "problems": (
        "variants/total/baseline",
        BASELINE + "    def problems(self, variant): 1 / 0",
        r"own_code\.py:4: problems failed: ZeroDivisionError: division by zero$",
    ),
    "exit": (
        "variants/total/baseline",
        BASELINE + "    def problems(self, variant): raise SystemExit(0)",
        r"own_code\.py:4: problems failed: SystemExit: 0$",
    ),
    "interrupt": (
        "variants/total/baseline",
        "raise KeyboardInterrupt",
        r"variants\.total\.baseline: cannot import 'own_code:Mine': KeyboardInterrupt",
    ),
    "crash": (
        "variants/total/baseline",
        BASELINE + "    def problems(self, variant): __import__('os')._exit(0)",
        r"^the study has one problem:\n  own_code:Mine\.problems ends the process$",
    ),
    "no texts": (
        "variants/total/baseline",
        BASELINE + "    def problems(self, variant): return None",
        r"study\.yaml:\d+: variants\.total: own_code:Mine\.problems should return texts; it returns None$",
    ),
    "no texts of a kind": (
        "experiments/exact/kind",
        KIND + "    folder = measured_by = 'mine'\n    def problems(self, declared): return 3",
        r"study\.yaml:\d+: experiments\.exact\.kind: own_code:Mine\.problems should return texts; it returns 3$",
    ),
    "definitions": (
        "variants/baseline",
        BASELINE + "    def definitions(self, variant): raise LookupError",
        r"own_code\.py:4: definitions failed: LookupError$",
    ),
    "no definitions": (
        "variants/baseline",
        BASELINE + "    def definitions(self, variant): return [1]",
        r"study\.yaml:\d+: variants\.baseline: own_code:Mine\.definitions should return texts; it returns 1$",
    ),
    "symbol": (
        "variants/baseline",
        BASELINE + "    @property\n    def symbol(self): raise LookupError",
        r"own_code\.py:5: symbol failed: LookupError$",
    ),
    "words": (
        "variants/baseline",
        BASELINE + "    @property\n    def words(self): raise LookupError",
        r"own_code\.py:5: words failed: LookupError$",
    ),
    "cost": (
        "experiments/exact/kind",
        KIND + "    folder = measured_by = 'mine'\n    def cost(self, cell): return self.absent",
        r"own_code\.py:5: cost failed: AttributeError: 'Mine' object has no attribute 'absent'$",
    ),
    "lookup": (
        "figures/variance/kind",
        "def __getattr__(name): raise RuntimeError(name)",
        r"study\.yaml:\d+: figures\.variance\.kind: cannot import 'own_code:Mine': RuntimeError: Mine$",
    ),
    "folder": (
        "experiments/exact/kind",
        KIND,
        r"study\.yaml:\d+: experiments\.exact: 'own_code:Mine' has no folder, a str; see pg\.experiments\.kind$",
    ),
    "metrics": (
        "experiments/exact/kind",
        KIND.replace("()", "3"),
        r"study\.yaml:\d+: experiments\.exact: 'own_code:Mine' has no metrics, a tuple; see pg\.experiments\.kind$",
    ),
}


@pytest.mark.parametrize(("path", "code", "message"), FAILING.values(), ids=FAILING)
def test_code_that_fails_is_named(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, code: str, message: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_code", raising=False)
    (tmp_path / "own_code.py").write_text(code, encoding="utf-8")
    put(options, path, {"baseline": "own_code:Mine"} if path == "variants/baseline" else "own_code:Mine")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")
    with pytest.raises(InvalidStudy, match=message):
        read(tmp_path / "study.yaml")


def test_an_environment_that_crashes_with_its_arguments_is_refused(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = "def make(exits, **_): __import__('os')._exit(3) if exits else None"
    (tmp_path / "own_world.py").write_text(f"import gymnasium\n{make}\ngymnasium.register('Ends-v0', make)")
    monkeypatch.syspath_prepend(tmp_path)
    put(options, "environments/cartpole", {"id": "own_world:Ends-v0", "horizon": 3, "kwargs": {"exits": True}})
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"  environment own_world:Ends-v0 ends the process$"):
        read(tmp_path / "study.yaml")


def test_errors_of_other_code_are_not_hidden(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pg.study.validation.problems_of_number", fail)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        read(tmp_path / "study.yaml")
