"""One thread per job: sums of several threads differ in their last digits, and jobs run side by side."""

from __future__ import annotations


def use_one_thread() -> None:
    """Let torch, NumPy and compiled functions compute with one thread in this process."""
    import scipy.linalg.cython_blas  # noqa: F401 - the products of compiled functions, which must be loaded first
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(limits=1, user_api="blas")
