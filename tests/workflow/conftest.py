"""The real Snakefile, run on a small study in a folder of its own."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.checkout import STUDY, Checkout, checkout

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All start Snakemake, which is long; and one worker has them all: they share a finished study."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.xdist_group("workflow"))


@pytest.fixture
def study() -> dict[str, Any]:
    return copy.deepcopy(STUDY)


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A checkout in which nothing has run."""
    return checkout(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the whole study has run; tests must leave its results as they are."""
    place = checkout(tmp_path_factory.mktemp("finished"))
    done = place.run()
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def done(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished study, to be changed or damaged."""
    shutil.copytree(finished.folder, tmp_path / "copy", copy_function=shutil.copy2)
    return Checkout(tmp_path / "copy")
