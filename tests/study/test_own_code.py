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


def test_errors_of_other_code_are_not_hidden(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pg.study.validation.problems_of_number", fail)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        read(tmp_path / "study.yaml")
