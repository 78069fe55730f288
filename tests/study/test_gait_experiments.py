"""A gait experiment is refused where there is no humanoid to watch, or something that it could not look at."""

from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.experiments.gait.job import GaitJob
from pg.experiments.kind import Seeds
from pg.study.slicing import measurement_job
from pg.study.validation import load
from tests.study.studies import put


@pytest.fixture
def humanoids() -> dict[str, Any]:
    learner = {"optimizer": {"learning_rate": 0.01}, "policy": {"hidden": [8]}}
    common = {"environments": ["humanoid"], "variants": ["learner"], "seeds": {"count": 3}}
    return {
        "name": "Humanoids",
        "environments": {"humanoid": {"id": "Humanoid-v5", "kwargs": {"healthy_reward": 0.0}, "label": "Humanoid"}},
        "variants": {"learner": learner, "other": {**learner, "baseline": "per_step"}},
        "experiments": {
            "training": {"kind": "train", **common, "budget": {"steps": 100}},
            "gait": {
                "kind": "gait",
                **common,
                "source": {"experiment": "training", "variant": "learner", "stages": ["initial", "late"]},
            },
        },
        "figures": {
            "poses": {"kind": "stick_figures", "experiment": "gait", "section": "Humanoid example"},
            "gait": {"kind": "gait", "experiment": "gait", "section": "Humanoid example"},
        },
        "claims": {
            "falls": {
                "statement": "It falls forward.",
                "section": "Humanoid example",
                "primary": "more",
                "figure": "gait",
                "parts": {
                    "more": {
                        "experiment": "gait",
                        "metric": "fell_forward",
                        "a": {"variant": "learner", "stage": "late"},
                        "b": {"variant": "learner", "stage": "initial"},
                        "relation": "greater",
                    }
                },
            }
        },
    }


def test_a_legal_study_of_humanoids_is_read(humanoids: dict[str, Any]) -> None:
    experiment = load(humanoids).experiments["gait"]
    assert (experiment.kind, experiment.variants) == ("gait", ("learner",))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "environments/humanoid",
            {"id": "HumanoidStandup-v5"},
            r"humanoid \(HumanoidStandup-v5\) is not supported .*; allowed: Humanoid-v4, Humanoid-v5",
        ),
        (
            "environments/humanoid",
            {"id": "Hopper-v5"},
            r"gait\.environments: humanoid \(Hopper-v5\) is not supported",
        ),
        (
            "environments/humanoid/kwargs",
            {"xml_file": "humanoid.xml"},
            r"gait\.environments: humanoid sets xml_file, and gaits are measured on the standard body only",
        ),
        (
            "environments/humanoid/kwargs",
            {"terminate_when_unhealthy": False},
            r"gait\.environments: humanoid continues after a fall \(terminate_when_unhealthy: false\)",
        ),
        (
            "experiments/gait/variants",
            ["learner", "other"],
            r"gait\.variants: learner, other: a gait experiment compares no estimators; .* policies: learner$",
        ),
        ("experiments/gait/variants", ["other"], r"gait\.variants: other: a gait experiment compares no estimators"),
        (
            "experiments/gait/sweep",
            {"variant.batch": [4, 8]},
            r"gait\.sweep: variant\.batch has no effect, because policies train as learner declares",
        ),
        ("experiments/gait/sweep", {"environment.horizon": [9]}, r"gait\.sweep: environment\.horizon: snapshots are"),
        ("experiments/gait/episodes", 0, r"gait\.episodes: should be greater than 0; it is 0"),
        ("experiments/gait/frames", 1, r"gait\.frames: should be greater than or equal to 2; it is 1"),
        ("experiments/gait/source/stages", ["ltae"], r"source\.stages: 'ltae' .* did you mean 'late'"),
        ("figures/poses/experiment", "training", r"figures\.poses\.experiment: stick_figures draws gait experiments"),
        ("figures/gait/experiment", "training", r"figures\.gait\.experiment: gait draws gait experiments, not train"),
        ("claims/falls/parts/more/metric", "area", r"more\.metric: area is measured by train experiments, not gait"),
        ("claims/falls/parts/more/a/stage", "lat", r"more\.a\.stage: 'lat' is not one of initial, late; did you mean"),
        ("claims/falls/parts/more/stages", ["late"], r"more\.a\.stage: compares one stage with another: let every"),
        ("claims/falls/parts/more/b", {"variant": "learner"}, r"more\.a\.stage: compares one stage with another"),
        ("claims/falls/parts/more/a", {"variant": "learner"}, r"more\.b\.stage: compares one stage with another"),
    ],
)
def test_what_is_wrong_is_said(humanoids: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(humanoids, path, value)
    with pytest.raises(InvalidStudy, match=message):
        load(humanoids)


def test_a_stage_against_a_number_needs_no_second_one(humanoids: dict[str, Any]) -> None:
    part = humanoids["claims"]["falls"]["parts"]["more"]
    part["b"], part["reference"] = None, 0.5
    assert load(humanoids).claims["falls"].parts["more"].reference == 0.5


def test_a_job_has_what_decides_about_its_rows_and_nothing_else(humanoids: dict[str, Any]) -> None:
    def made(path: str, value: Any) -> GaitJob:
        put(humanoids, path, value)
        study = load(humanoids)
        job = measurement_job(study, "gait", "humanoid", "late", Seeds(count=3).blocks[0])
        assert isinstance(job, GaitJob)
        return job

    plain = made("experiments/gait/episodes", 4)
    assert (plain.episodes, plain.frames, plain.seeds, plain.policy.hidden) == (4, 8, (0, 1, 2), (8,))
    assert made("environments/humanoid/label", "another").canonical() == plain.canonical()
    assert made("experiments/gait/frames", 5).canonical() != plain.canonical()
