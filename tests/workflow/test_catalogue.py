"""What Snakemake's catalogue of workflows, archives and GitHub read agrees with the package."""

import json
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pg.study.validation import read
from tests.workflow.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def yaml_of(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_catalogue_finds_what_it_asks_for() -> None:
    """A workflow of standardised usage has these files."""
    for name in ("Snakefile", "workflow/Snakefile", "config/README.md", "config/config.yaml"):
        assert (ROOT / name).is_file()
    assert yaml_of(".snakemake-workflow-catalog.yml")["usage"]["report"] is True
    assert {"snakemake", "workflow"} <= set(
        re.findall(r"\w+", (ROOT / "README.md").read_text(encoding="utf-8").lower())
    )


def test_a_deployed_workflow_begins_with_the_default_study() -> None:
    assert read(ROOT / "config/config.yaml") == read(ROOT / "config.yaml")


def test_the_environment_has_the_pinned_versions_of_all_dependencies() -> None:
    listed = yaml_of("workflow/envs/pg.yaml")["dependencies"][-1]["pip"]
    assert set(listed) <= set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    names = {canonicalize_name(line.partition("==")[0]) for line in listed}
    assert {canonicalize_name(Requirement(one).name) for one in PROJECT["dependencies"]} <= names


@pytest.mark.parametrize("name", ["CITATION.cff", ".zenodo.json"])
def test_citations_name_the_released_version(name: str) -> None:
    cited = yaml_of(name) if name.endswith("cff") else json.loads((ROOT / name).read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    assert cited["title"].startswith(f"{PROJECT['name']}: ")


def test_github_runs_the_tests_and_the_smoke_study_on_all_versions_of_python() -> None:
    job = yaml_of(".github/workflows/tests.yml")["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if step.get("run", "").startswith("make ")] == [
        "make test",
        "make smoke",
    ]
    assert PROJECT["requires-python"] == f">={job['strategy']['matrix']['python'][0]}"


def test_the_linter_finds_only_what_the_documentation_explains() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    titles = set(re.findall(r"^    \* (.*):$", lint.stdout + lint.stderr, re.MULTILINE))
    assert titles == {"Mixed rules and functions in same snakefile."}
    assert titles.pop() in (ROOT / "docs/snakemake.md").read_text(encoding="utf-8")
