"""Submissions that run in the process of the tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pg.checking.check import examine
from pg.checking.findings import Findings
from pg.checking.sandbox import Loaded
from pg.checking.submissions import Arrays, Submission, fault_of, load


class Here:
    """A submission without a process of its own."""

    def __init__(self, submission: Submission, path: Path) -> None:
        self._submission, self._path = submission, path

    @property
    def loaded(self) -> Loaded:
        """What the submission is."""
        one = self._submission
        return Loaded(one.name, one.kind, one.expects, one.parameters, one.is_off_policy)

    def weights(self, arrays: Arrays, discount: float) -> NDArray[np.float64]:
        """Return the weights of batches; as in the process, warnings of a user's file are not errors."""
        with warnings.catch_warnings(action="ignore"):
            try:
                return self._submission.weights(arrays, discount)
            except Exception as error:
                raise fault_of(error, self._path) from error

    def seconds(self, _arrays: Arrays, _discount: float) -> float:
        """Return nothing: no test depends on time."""
        return float("nan")


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Findings]:
    """Return a function that checks a source text."""

    def check_source(source: str, name: str | None = None, seed: int = 0, **options: Any) -> Findings:
        path = tmp_path / "mine.py"
        path.write_text(source, encoding="utf-8")
        here = Here(load(path, name, options), path)
        return examine(here, here.loaded, "mine.py", seed)

    return check_source
