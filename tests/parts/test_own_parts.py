"""Parts from a file next to the study do what built-in parts do."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.mathtext import MathTextParser
from pg.core.errors import InvalidStudy
from pg.environments.enumeration import enumerate_trajectories
from pg.environments.record import Environment
from pg.experiments.probe.record import ProbeExperiment
from pg.experiments.staleness.measure import expected_gradient
from pg.laboratory.frozen import random_policy
from pg.laboratory.job import Sample
from pg.laboratory.reference import truth
from pg.learning.job import Budget, TrainJob
from pg.learning.training import train
from pg.parts.baselines.base import Baseline
from pg.parts.equation import definitions, equation
from pg.parts.variant import PolicyOptions, Variant
from pg.study.code import defining_files
from pg.study.expansion import cells
from pg.study.validation import read
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import MDPS, assert_equal, every, moments, pair
from tests.learning.test_training import Memory
from tests.parts.own import BASELINE, IMPORTANCE, MODULE, RETURNS

STUDY: dict[str, Any] = {
    "name": "Parts of one's own",
    "environments": {"chain": {"id": "pg/Chain-v0", "kwargs": {"length": 2}, "horizon": 3}},
    "variants": {
        "plain": {"batch": 4, "optimizer": {"learning_rate": 0.01}},
        "baseline": {"extends": "plain", "baseline": BASELINE},
        "returns": {"extends": "plain", "returns": RETURNS},
        "importance": {"extends": "plain", "importance": IMPORTANCE},
    },
    "experiments": {
        "learn": {
            "kind": "train",
            "environments": ["chain"],
            "variants": ["plain", "baseline", "returns", "importance"],
            "seeds": {"count": 1, "per_job": 1},
            "budget": {"steps": 60},
        },
        "swept": {
            "kind": "train",
            "environments": ["chain"],
            "variants": ["baseline"],
            "sweep": {"variant.baseline.share": [0.1, 0.9]},
            "seeds": {"count": 1, "per_job": 1},
            "budget": {"steps": 60},
        },
    },
}
OPTIONS = PolicyOptions(hidden=(4,))
OWN: dict[str, dict[str, Any]] = {
    "baseline": {"baseline": BASELINE},
    "returns": {"returns": RETURNS},
    "importance": {"importance": IMPORTANCE, "gradient_steps": 2},
}


@pytest.fixture
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_parts.py").write_text(MODULE, encoding="utf-8")
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "before")
    read(path)
    yield path
    for name in ("my_parts", "broken"):
        sys.modules.pop(name, None)


def test_own_parts_are_read_dumped_and_swept(study_file: Path) -> None:
    study = read(study_file)
    baseline = study.variants["baseline"].baseline
    assert baseline.model_dump() == BASELINE
    for variant in study.variants.values():
        assert Variant.model_validate_json(variant.model_dump_json()) == variant
    levels = [cell.variant.baseline.model_dump()["share"] for cell in cells(study, "swept")]
    assert levels == [0.1, 0.9]


def test_the_source_of_own_parts_counts_for_the_digest(study_file: Path) -> None:
    files = defining_files(read(study_file).variants["baseline"])
    assert study_file.with_name("my_parts.py") in files


def test_started_processes_import_modules_of_the_study(study_file: Path) -> None:
    import os

    assert os.environ["PYTHONPATH"].split(os.pathsep) == ["before", str(study_file.parent)]


@pytest.mark.usefixtures("study_file")
@pytest.mark.parametrize("parts", OWN.values(), ids=OWN)
def test_own_parts_are_trained_and_probed(parts: dict[str, Any]) -> None:
    variant, memory = Variant(batch=4, policy=OPTIONS, **parts), Memory()
    environment = Environment(id="pg/Chain-v0", kwargs={"length": 2}, horizon=3)
    budget = Budget(steps=60, max_iterations=3)
    train(TrainJob(environment=environment, variant=variant, budget=budget, snapshots={}, seeds=(0,)), {0: 0.1}, memory)
    assert len(memory.rows) == 3
    assert np.isfinite(pd.DataFrame(memory.rows)["gradient_norm"]).all()
    sample = Sample(trajectories=64, batches=(8,), reference=64, reference_limit=64)
    job = job_of(ProbeExperiment, environment, {"own": variant}, policy=OPTIONS, sample=sample)
    assert np.isfinite(rows_of(job)["total_variance"]).all()


@pytest.mark.usefixtures("study_file")
@pytest.mark.parametrize(("parts", "factor"), [(OWN["baseline"], 1), (OWN["returns"], 2)], ids=["baseline", "returns"])
def test_expectations_of_own_parts_by_enumeration(parts: dict[str, Any], factor: float) -> None:
    mdp = MDPS["chain"]
    policy = random_policy(OPTIONS, mdp.spaces, seed=1)
    found = moments(enumerate_trajectories(mdp, 10_000), policy, Variant(batch=2, **parts), 50_000).mean
    gradient = truth(mdp, policy).gradient
    assert_equal(found / factor, gradient, gradient)


@pytest.mark.usefixtures("study_file")
def test_an_own_weight_restores_the_gradient_by_enumeration() -> None:
    behaviour, target = pair(MDPS["random"])
    reuse, chances = every(MDPS["random"], behaviour, target)
    gradient = truth(MDPS["random"], target).gradient
    assert_equal(expected_gradient(reuse, Variant(importance=IMPORTANCE), chances), gradient, gradient)


@pytest.mark.usefixtures("study_file")
@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (OWN["baseline"], r"b_{i,t} = \text{ShareOfOthers}"),
        (OWN["returns"], r"W_{i,t} = \text{Doubled}"),
        (OWN["importance"], r"w_i = \text{Product}"),
    ],
    ids=OWN,
)
def test_own_parts_have_equations(parts: dict[str, Any], line: str) -> None:
    variant = Variant(**parts)
    assert line in definitions(variant)
    for written in (equation(variant), *definitions(variant)):
        MathTextParser("agg").parse(f"${written}$")


def test_a_part_keeps_nothing_between_updates() -> None:
    class Keeping(Baseline):
        def __call__(self, batch: Any) -> Any:
            self.last = batch.totals
            return batch.totals

    part = Keeping()
    with pytest.raises(TypeError, match=r"Keeping sets its attribute last, .*make_critic: see docs/checking\.md"):
        part(SimpleNamespace(totals=0.0))
    assert not hasattr(part, "last")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere:Part", r"cannot import 'nowhere:Part': No module named 'nowhere'; put nowhere\.py next to the study"),
        ("broken:Part", r"cannot import 'broken:Part': ZeroDivisionError: division by zero"),
        ("my_parts:Shares", r"'my_parts:Shares' is no subclass of .*:Baseline; .*allowed: ShareOfOthers, Unfinished"),
        ("my_parts:NoPart", r"'my_parts:NoPart' is no subclass of pg\.parts\.baselines\.base:Baseline"),
        ("my_parts:Doubled", r"'my_parts:Doubled' is no subclass of pg\.parts\.baselines\.base:Baseline"),
        (
            "my_parts:Unfinished",
            r"'my_parts:Unfinished' does not define __call__; see pg\.parts\.baselines\.base:Baseline",
        ),
        (BASELINE | {"shares": 1.0}, r"variants\.own\.baseline\.shares: unknown key; did you mean 'share'"),
        (BASELINE | {"share": -1.0}, r"variants\.own\.baseline\.share: should be greater than 0"),
    ],
)
def test_class_that_is_no_part_is_refused(study_file: Path, given: Any, message: str) -> None:
    study_file.with_name("broken.py").write_text("1 / 0", encoding="utf-8")
    study_file.write_text(yaml.safe_dump(STUDY | {"variants": STUDY["variants"] | {"own": {"baseline": given}}}))
    with pytest.raises(InvalidStudy, match=message):
        read(study_file)
