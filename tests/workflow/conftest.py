"""Fixtures that run the Snakefile on a small study in a copy of the code."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import STUDY, Checkout, checkout

HERE = Path(__file__).parent


# pytest-xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all as long, because they start Snakemake; those that share a finished study run in one worker."""
    for item in items:
        if item.path.is_relative_to(HERE) and isinstance(item, pytest.Function):
            item.add_marker(pytest.mark.long)
            for shared in ("finished", "trace", "judged", "uninterrupted"):
                if shared in item.fixturenames:
                    item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture
def study() -> dict[str, Any]:
    return copy.deepcopy(STUDY)


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A checkout without results."""
    return checkout(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with the results of the whole study, made on one core, which tests must not change."""
    place = checkout(tmp_path_factory.mktemp("finished"))
    place.complete(cores=1)
    return place


@pytest.fixture
def done(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished checkout, which a test may change."""
    shutil.copytree(finished.folder, tmp_path / "copy", copy_function=shutil.copy2)
    return Checkout(tmp_path / "copy")
