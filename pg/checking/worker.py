"""The process of a user's file, which `pg.checking.sandbox` starts."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import mtrand
from numpy.typing import NDArray

from pg.checking.sandbox import decode, encode
from pg.checking.submissions import Arrays, Fault, Submission, fault_of, load

_TRIES = 5
_GRACE = 10  # seconds


def main(connection: Connection, path: Path, name: str | None, options: dict[str, Any]) -> None:
    """Load the file, and answer requests until there are no more."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    before = _settings()
    try:
        submission = load(path, name, options)
        _check_unchanged(before, _settings(), submission)
        connection.send_bytes(encode(described(submission), {}))
    except BaseException as error:  # whatever the file raises, `exit()` too
        _send_fault(connection, error, path)
        return
    state = _global_state()
    while True:
        try:
            head, arrays = decode(connection.recv_bytes())
        except EOFError:
            return
        try:
            connection.send_bytes(encode(*_answered(submission, head, arrays, state)))
        except BaseException as error:
            _send_fault(connection, error, path)


def described(submission: Submission) -> dict[str, Any]:
    """Return what the file says of its submission, as fields of `pg.checking.sandbox.Loaded`."""
    names = ("name", "kind", "expects", "parameters", "is_off_policy")
    return {**{name: getattr(submission, name) for name in names}, "equals": dict(submission.equals)}


def _answered(
    submission: Submission, head: dict[str, Any], arrays: Arrays, state: dict[str, object]
) -> tuple[dict[str, Any], Arrays]:
    discount = float(head["discount"])
    weights = np.ascontiguousarray(submission.weights(arrays, discount), dtype=np.float64)
    _check_unchanged(state, _global_state(), submission)
    if not head.get("timed"):
        return {}, {"weights": weights}
    seconds = min(_seconds(lambda: submission.weights(arrays, discount)) for _ in range(_TRIES))
    return {"seconds": seconds}, {"weights": weights}


def _check_unchanged(before: Mapping[str, object], after: Mapping[str, object], submission: Submission) -> None:
    for what, values in after.items():
        if values != before[what]:
            sentence = f"{submission.name} changes {what}, and with it later calls and the training around them"
            raise Fault(sentence, submission.line)


def _seconds(function: Callable[[], NDArray[np.float64]]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _settings() -> dict[str, object]:
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch computes gradients": torch.is_grad_enabled(),
    }


def _global_state() -> dict[str, object]:
    numpy_state = mtrand.get_bit_generator().state["state"]
    return {
        **_settings(),
        "torch's random generator": torch.get_rng_state().numpy().tobytes(),
        "NumPy's random generator": (numpy_state["key"].tobytes(), numpy_state["pos"]),
        "Python's random generator": random.getstate(),
        "torch's number of threads": torch.get_num_threads(),
        "the working directory": Path.cwd(),
        "environment variables": dict(os.environ),
    }


def _send_fault(connection: Connection, error: BaseException, path: Path) -> None:
    fault = fault_of(error, path)
    connection.send_bytes(encode({"fault": fault.sentence, "line": fault.line}, {}))


if __name__ == "__main__":
    number, file, wanted, given, timeout = sys.argv[1:]
    # Should nobody be left to end this process, it ends itself.
    signal.alarm(math.ceil(float(timeout)) + _GRACE)
    main(Connection(int(number)), Path(file), wanted or None, json.loads(given))
