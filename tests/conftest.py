"""Shapes in signatures are checked while tests run, and one thread makes small products fast and repeatable."""

import jaxtyping
import pytest
import torch

jaxtyping.install_import_hook(["pg.estimators", "pg.environments.exact", "pg.learning.policies"], "beartype.beartype")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
