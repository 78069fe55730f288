"""Shapes in signatures are checked while tests run, and one thread makes small products fast and repeatable."""

import gc
from typing import no_type_check

import jaxtyping
import pytest
import torch

jaxtyping.install_import_hook(["pg.estimators", "pg.environments.exact", "pg.learning.policies"], "beartype.beartype")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """Spare what takes long and finds nothing.

    Properties without a shape, which are read at every step, would take half of the time of checking shapes. And what
    is loaded by now, torch among it, need not be gone through whenever Python looks for garbage.
    """
    from pg.learning.policies import Policy

    for unshaped in (Policy.affine, Policy.scale):
        no_type_check(unshaped.fget)
    gc.collect()
    gc.freeze()
