"""Gait experiments need humanoids, and policies and options that can be measured."""

from typing import Any

import pytest
import yaml
from pg.experiments.gait.options import GaitOptions
from pg.experiments.kind import Seeds
from pg.laboratory.job import MeasurementJob, read_job
from pg.study.slicing import measurement_job
from pg.study.validation import load
from tests.study.studies import assert_refused, put, refusals

HUMANOIDS = """
name: Humanoids
environments:
  humanoid: {id: Humanoid-v5, kwargs: {healthy_reward: 0.0}, label: Humanoid}
variants:
  learner: {optimizer: {learning_rate: 0.01}, policy: {hidden: [8]}}
  other: {extends: learner, baseline: per_step}
seeds: {train: {count: 3}, measure: {count: 3}}
experiments:
  training: {kind: train, environments: [humanoid], variants: [learner], budget: {steps: 100}}
  gait:
    kind: gait
    environments: [humanoid]
    variants: [learner]
    source: {experiment: training, variant: learner, stages: [initial, late]}
figures:
  poses: {kind: stick_figures, experiment: gait, section: Humanoid example}
  gait: {kind: gait, experiment: gait, section: Humanoid example}
claims:
  falls:
    statement: It falls forward.
    section: Humanoid example
    primary: more
    figure: gait
    parts:
      more:
        experiment: gait
        metric: fell_forward
        a: {variant: learner, stage: late}
        b: {variant: learner, stage: initial}
        relation: greater
"""


@pytest.fixture
def humanoids() -> dict[str, Any]:
    return yaml.safe_load(HUMANOIDS)


@refusals(
    """
environments/humanoid: {id: HumanoidStandup-v5}
  => humanoid (HumanoidStandup-v5) is not supported …; allowed: Humanoid-v4, Humanoid-v5
environments/humanoid: {id: Hopper-v5} => gait.environments: humanoid (Hopper-v5) is not supported
environments/humanoid/kwargs: {xml_file: humanoid.xml}
  => gait.environments: humanoid sets xml_file, and gaits are measured on the standard body only
environments/humanoid/kwargs: {terminate_when_unhealthy: false}
  => gait.environments: humanoid continues after a fall (terminate_when_unhealthy: false)
experiments/gait/variants: [learner, other]
  => : learner, other: a gait experiment compares no estimators; … policies: learner
experiments/gait/variants: [other] => : other: a gait experiment compares no estimators
experiments/gait/sweep: {variant.batch: [4, 8]}
  => : variant.batch has no effect, because policies train as learner declares
experiments/gait/sweep: {environment.rewards.scale: [1, 2]}
  => : environment.rewards.scale has no effect on how trained policies move
experiments/gait/sweep: {environment.horizon: [9]} => : environment.horizon: snapshots are
experiments/gait/episodes: 0 => : should be greater than 0; it is 0
experiments/gait/frames: 1 => : should be greater than or equal to 2; it is 1
experiments/gait/source/stages: [ltae] => : 'ltae' … did you mean 'late'
figures/poses/experiment: training => : stick_figures draws gait experiments
figures/gait/experiment: training => : gait draws gait experiments, not train
claims/falls/parts/more/metric: area => : area is measured by train experiments, not gait
claims/falls/parts/more/a/stage: lat => : 'lat' is not one of initial, late; did you mean
claims/falls/parts/more/stages: [late] => more.a.stage: compares one stage with another: give every
claims/falls/parts/more/b: {variant: learner} => more.a.stage: compares one stage with another
claims/falls/parts/more/a: {variant: learner} => more.b.stage: compares one stage with another
"""
)
def test_illegal_gait_experiments_are_refused(humanoids: dict[str, Any], path: str, value: Any, message: str) -> None:
    assert_refused(humanoids, path, value, message)


def test_a_stage_is_compared_with_a_number(humanoids: dict[str, Any]) -> None:
    part = humanoids["claims"]["falls"]["parts"]["more"]
    part["b"], part["reference"] = None, 0.5
    assert load(humanoids).claims["falls"].parts["more"].reference == 0.5


def test_a_job_has_only_what_changes_its_rows(humanoids: dict[str, Any]) -> None:
    def made(path: str, value: Any) -> MeasurementJob[GaitOptions]:
        put(humanoids, path, value)
        return measurement_job(load(humanoids), "gait", "humanoid", "late", Seeds(count=3).blocks[0])

    plain = made("experiments/gait/episodes", 4)
    assert (plain.options, plain.seeds) == (GaitOptions(episodes=4, frames=8), (0, 1, 2))
    assert plain.policy == load(humanoids).variants["learner"].policy
    assert read_job(plain.canonical()) == plain
    assert made("environments/humanoid/label", "another").canonical() == plain.canonical()
    assert made("experiments/gait/frames", 5).canonical() != plain.canonical()
