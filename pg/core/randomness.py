"""Random generators, one per seed and purpose.

Generators of different purposes are independent, and none depends on the other seeds of a job.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """Return the numpy generator of a seed for a purpose, such as ("train", "actions")."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, purpose)))


def torch_generator(seed: int, *purpose: str) -> torch.Generator:
    """Return the torch generator of a seed for a purpose."""
    return torch.Generator().manual_seed(int(_sequence(seed, purpose).generate_state(1, np.uint64)[0]))


def _sequence(seed: int, purpose: tuple[str, ...]) -> np.random.SeedSequence:
    digest = hashlib.sha256("/".join(purpose).encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:16])])
