"""Snakemake plans every job of a legal study."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from pg.experiments.registry import KINDS
from pg.study.validation import load
from tests.study.test_any_study import SMOKE, expand, refusal_of, varied
from tests.workflow.checkout import ROOT, Checkout, checkout

EXPERIMENTS = {options["kind"]: name for name, options in SMOKE["experiments"].items()}
"""Of every kind one."""

JOBS = ("train", "tune", "measure", "measure_poses_endings", "measure_clouds_trajectories", "measure_weights_states")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout for plans alone: nothing runs in it."""
    return checkout(tmp_path_factory.mktemp("plans"))


def legal(count: int) -> list[dict[str, Any]]:
    varieties = map(varied, itertools.count())
    return list(itertools.islice((one for one in varieties if refusal_of(one) is None), count))


def test_the_smoke_study_has_an_experiment_of_every_kind() -> None:
    assert set(EXPERIMENTS) == set(KINDS)


@pytest.mark.parametrize("options", [SMOKE, *legal(1)], ids=["smoke", "varied"])
def test_every_job_of_a_legal_study_is_planned(options: dict[str, Any], place: Checkout) -> None:
    place.write(options)
    plan = place.planned()
    assert sum(plan.get(rule, 0) for rule in JOBS) == expand(load(options))


def test_the_page_of_results_lists_every_file(place: Checkout) -> None:
    place.write(SMOKE)
    planned = [line.split("\t")[0] for line in place.run("--summary").stdout.splitlines()[1:]]
    page = (ROOT / "results/README.md").read_text(encoding="utf-8")
    names = [name for cell in re.findall(r"^\|(.*?) \|", page, re.MULTILINE) for name in re.findall("`(.*?)`", cell)]
    listed = "|".join(map(pattern_of, names))

    # Of snapshots a job declares its folder.
    files = [path if Path(path).suffix else f"{path}/late/seed-0.safetensors" for path in planned]

    assert len(files) > len(SMOKE["figures"])
    assert [path for path in files if not re.fullmatch(f"{SMOKE['results']}/({listed})", path)] == []


def pattern_of(name: str) -> str:
    """Return a pattern that matches the files which the page names together, as `figures/<name>.{pdf,png}`."""
    placed = re.sub(r"<\w+>", "[^/-]+", re.escape(name)).replace("…", ".*")
    return re.sub(r"\\{(.*?)\\}", lambda choice: f"({choice[1].replace(',', '|')})", placed)


def test_a_figure_called_benchmarks_installs_no_peers(study: dict[str, Any], place: Checkout) -> None:
    study["figures"]["benchmarks"] = study["figures"].pop("variance")
    study["claims"]["causality"]["figure"] = "benchmarks"
    place.write(study)
    plan = place.planned()
    assert plan["figure"] == 2
    assert not {"peers", "benchmarks", "benchmark_figure"} & plan.keys()
