"""Run jobs in this process: with one thread, as the workflow does, and with their log on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

_log = logging.getLogger("pg")


@contextmanager
def running() -> Iterator[None]:
    """Use one thread, because sums of several differ in their last digits; log progress to a terminal.

    Elsewhere, in a notebook or a pipe, only warnings are shown, as of runs that diverge.
    """
    threads, level, handler = torch.get_num_threads(), _log.level, logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    handler.setLevel(logging.INFO if sys.stderr.isatty() else logging.WARNING)
    torch.set_num_threads(1)
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads)
        _log.removeHandler(handler)
        _log.setLevel(level)
