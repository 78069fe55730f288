"""The workflow runs as a module of another one, and from another folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.workflow.checkout import STUDY, Checkout

HOST = """
configfile: "host.yaml"

module pg:
    snakefile: "{snakefile}"
    config: config["study"]

use rule * from pg {names}

onstart:
    pg.onstart()
"""
ROWS = "out/runs/learn/cartpole/total/seeds-0-1.csv"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Checkout:
    """A folder without code."""
    (tmp_path / "elsewhere").mkdir()
    return Checkout(tmp_path / "elsewhere")


@pytest.fixture
def host(fresh: Checkout, elsewhere: Checkout) -> Callable[..., Checkout]:
    """A function that writes a workflow which uses this one as a module."""

    def write(study: dict[str, Any], names: str = "") -> Checkout:
        snakefile = HOST.format(snakefile=fresh.folder / "workflow/Snakefile", names=names)
        (elsewhere.folder / "Snakefile").write_text(snakefile, encoding="utf-8")
        (elsewhere.folder / "host.yaml").write_text(yaml.safe_dump({"of_host": 1, "study": study}), encoding="utf-8")
        return elsewhere

    return write


def code_of(place: Checkout) -> dict[str, str]:
    return {"PYTHONPATH": str(place.folder)}


def test_a_module_runs_the_study_that_it_is_given(
    fresh: Checkout, finished: Checkout, study: dict[str, Any], host: Callable[..., Checkout]
) -> None:
    # The study of the checkout is another one.
    fresh.write({**STUDY, "name": "Not this one", "results": "not_here"})
    place = host(study)
    place.complete(ROWS, **code_of(fresh))
    assert (place.folder / ROWS).read_bytes() == (finished.folder / ROWS).read_bytes()
    assert json.loads((place.folder / "out/study.json").read_text(encoding="utf-8")) == {"name": STUDY["name"]}
    assert {path.name for path in place.folder.iterdir()} == {"Snakefile", "host.yaml", "out", ".snakemake"}


def test_a_module_makes_what_the_workflow_makes(
    fresh: Checkout, study: dict[str, Any], host: Callable[..., Checkout]
) -> None:
    plan = fresh.planned()
    assert host(study).planned(**code_of(fresh)) == plan
    renamed = host(study, "as measured_*").planned("measured_all", **code_of(fresh))
    assert renamed == {f"measured_{rule}": count for rule, count in plan.items()} | {"measured_all": 1}


def test_a_module_refuses_an_illegal_study_in_words(
    fresh: Checkout, study: dict[str, Any], host: Callable[..., Checkout]
) -> None:
    study["variants"]["total"]["retruns"] = "total"
    said = host(study).failure("-n", **code_of(fresh))
    assert (
        "Refused:\nthe study has one problem:\n  variants.total.retruns: unknown key; did you mean 'returns'?" in said
    )


@pytest.mark.parametrize("given", [True, False], ids=["--configfile", "default"])
def test_the_workflow_runs_in_another_folder(given: bool, fresh: Checkout, elsewhere: Checkout) -> None:
    study = fresh.folder / "config.yaml"
    options = ("--configfile", str(study.rename(fresh.folder / "study.yaml"))) if given else ()
    arguments = ("--snakefile", str(fresh.folder / "workflow/Snakefile"), "--directory", str(elsewhere.folder))
    fresh.complete(ROWS, *arguments, *options)
    assert (elsewhere.folder / ROWS).exists()
    assert not (fresh.folder / "out").exists()
