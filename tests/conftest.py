"""Shapes in signatures are checked while tests run, and one thread makes small products fast and repeatable."""

import gc

import jaxtyping
import pytest
import torch

jaxtyping.install_import_hook(["pg.estimators", "pg.environments.exact", "pg.learning.policies"], "beartype.beartype")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of the garbage that is looked for: figures make much, and torch is large."""
    gc.collect()
    gc.freeze()
