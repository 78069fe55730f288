"""Record which digests Snakemake computes from which files, and which files each job runs functions of.

A copy named `sitecustomize.py` on the path is imported by every Python process when it starts. Each process that plans
or runs jobs appends lines of JSON to its own file: `[digest, [entry, ...]]` for a digest, and `[digest, file]` for a
file of the checkout in which a function ran during a job with this digest. Calls during the import of a module do not
count.
"""

import json
import os
import sys
from collections.abc import Callable
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

FOLDER = Path(os.environ["PG_TRACE"])
CHECKOUT = str(FOLDER.parent)
SCRIPTS = str(FOLDER.parent / "workflow/scripts")


class Tracer:
    """A function for `sys.settrace`, which is called once per call; that of `sys.setprofile` is called four times."""

    def __init__(self) -> None:
        # By identity: the hash of a code object takes as long as the code.
        self.seen: dict[int, CodeType] = {}
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, _event: str, _value: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if id(code) in self.seen:
            return None
        if code.co_name == "code_digest":
            return self._in_digest
        self._called(frame)
        return None

    def _in_digest(self, frame: FrameType, event: str, value: Any) -> Callable[..., Any]:
        if event == "return" and value is not None:
            self._write(value, [str(entry) for entry in frame.f_locals["entries"]])
        return self._in_digest

    def _called(self, frame: FrameType) -> None:
        code = frame.f_code
        # The code of modules and of class bodies is not optimized.
        if not code.co_filename.startswith(CHECKOUT) or not code.co_flags & CO_OPTIMIZED:
            self.seen[id(code)] = code
            return
        stack = _stack(frame)
        jobs = [one.f_locals["snakemake"] for one in stack if _is_script(one.f_code)]
        if not jobs or any(one.f_code.co_filename == "<frozen importlib._bootstrap>" for one in stack):
            return
        self.seen[id(code)] = code
        if code.co_filename not in self.files:
            self.files.add(code.co_filename)
            self._write(jobs[0].params.code, code.co_filename)

    def _write(self, *values: object) -> None:
        # A fork has a new file.
        with Path(FOLDER, f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def _is_script(code: CodeType) -> bool:
    """Return whether this is the function `run` of a script, below which everything belongs to its job."""
    return code.co_name == "run" and code.co_filename.startswith(SCRIPTS)


def _stack(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _trace() -> None:
    sys.settrace(Tracer())


if "pg.fork_server" in sys.orig_argv:
    # The server imports libraries; its forks run the jobs.
    os.register_at_fork(after_in_child=_trace)
elif not sys.orig_argv[-1].endswith(".job.py"):
    # Clients of the server run no job.
    _trace()
