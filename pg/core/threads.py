"""Use one thread per job: with several threads, sums differ in their last digits, and jobs run in parallel anyway."""

from __future__ import annotations


def use_one_thread() -> None:
    """Let torch and NumPy compute with one thread in this process."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(limits=1, user_api="blas")
