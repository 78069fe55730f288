"""Check a file in the process of the tests, which takes a fifth of the time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pg.checking.check import SIZES, examine
from pg.checking.demands import Demand
from pg.checking.findings import Findings
from pg.checking.sandbox import Loaded
from pg.checking.submissions import Arrays, Submission, fault_of, load
from pg.checking.worker import described


class Here:
    """A submission without a process of its own."""

    def __init__(self, submission: Submission, path: Path) -> None:
        self._submission, self._path = submission, path

    @property
    def loaded(self) -> Loaded:
        """What the submission is."""
        return Loaded.model_validate(described(self._submission))

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


def check_here(
    path: Path,
    name: str | None = None,
    *,
    seed: int = 0,
    demand: Demand | None = None,
    sizes: Sequence[int] = SIZES,
    **options: Any,
) -> Findings:
    """Check a file; a Fault is raised where it fails. Batches of two trajectories alone take a fifth of the time."""
    here = Here(load(path, name, options), path)
    return examine(here, here.loaded, path.name, seed, demand, sizes)
