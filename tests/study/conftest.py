"""A small legal study."""

from typing import Any

import pytest
import yaml

SMALL = """
name: A small study
results: results/small
environments:
  cartpole: {id: CartPole-v1, threshold: 475}
  chain: {id: pg/Chain-v0, kwargs: {length: 2}, horizon: 3}
variants:
  total: {returns: total, label: total return, policy: {hidden: [8]}}
  to_go: {extends: total, returns: to_go}
  baseline: {extends: to_go, baseline: average_reward, policy: {activation: relu}}
experiments:
  learn:
    kind: train
    environments: [cartpole]
    variants: [total, to_go]
    seeds: {count: 5, per_job: 2}
    budget: {steps: 100}
    tuning: {grid: [0.01, 0.1], seeds: 2}
  gradients:
    kind: probe
    environments: [cartpole]
    variants: [total, baseline]
    seeds: {count: 3, first: 1}
    source: {experiment: learn, variant: to_go, stages: [initial, late]}
    sample: {trajectories: 64, batches: [8, 16], reference: 64, reference_limit: 64}
  exact:
    kind: exact
    environments: [chain]
    variants: [to_go, baseline]
    sweep: {variant.batch: [2, 3]}
    seeds: {count: 2}
figures:
  variance: {kind: variance, experiment: gradients, section: Using causality}
claims:
  causality:
    statement: Reward-to-go lowers the variance.
    section: Using causality
    primary: probed
    figure: variance
    parts:
      probed:
        experiment: gradients
        metric: total_variance
        a: {variant: baseline, batch: 8}
        b: {variant: total, batch: 8}
        relation: less
"""


@pytest.fixture
def options() -> dict[str, Any]:
    return yaml.safe_load(SMALL)
