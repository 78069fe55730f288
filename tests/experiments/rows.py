"""Rows of runs and probes by hand, and the values of a table computed from them."""

import numpy as np
import pandas as pd
from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.train import tables
from pg.parts.variant import Variant

FINITE = {"surrogate": 1.0, "gradient_norm": 1.0, "gradient_steps": 1.0, "kl_new_old": 0.1, "kl_old_new": np.inf}
"""What a row says about an update that did not diverge."""


def cell(environment="cartpole", variant="to_go", *, suffix="", threshold=None, failed_below=None, levels=None):
    return Cell(
        experiment="ladder",
        environment_name=environment,
        variant_name=variant,
        environment_id=environment,
        variant_id=variant + suffix,
        environment=Environment(id="CartPole-v1", threshold=threshold, failed_below=failed_below),
        variant=Variant(),
        levels=levels or {},
    )


def run(curves):
    """Rows of a run per seed, from {seed: {steps: return}}."""
    return pd.DataFrame(
        [
            {"seed": seed, "iteration": iteration, "steps": steps, "return_mean": value} | FINITE
            for seed, batches in curves.items()
            for iteration, (steps, value) in enumerate(batches.items(), start=1)
        ]
    )


def evaluated(curves):
    """Rows of evaluations, from {seed: {steps: mean return}}; the first is before the first update."""
    return pd.DataFrame(
        [
            {"seed": seed, "iteration": iteration, "steps": steps}
            | {"return_mean": value, "return_min": value - 1, "return_max": value + 1}
            for seed, evaluations in curves.items()
            for iteration, (steps, value) in enumerate(evaluations.items())
        ]
    )


def long_table(
    runs, budget, evaluations=None, *, level=lambda name, environment: getattr(environment, name), **options
):
    """The long table of runs by cell; without evaluations, each run has one of return 0 before its first update."""
    if evaluations is None:
        evaluations = {one: evaluated({seed: {0: 0.0} for seed in rows["seed"].unique()}) for one, rows in runs.items()}
    return tables.train_table(runs, evaluations, budget, level, **options)


def probe(total_variance, variants=("to_go", "total"), seeds=(0, 1)):
    """Rows of a probe: total variances by batch size, all other metrics distinct for each seed and batch."""
    rest = dict.fromkeys(["cosine", "pairwise_cosine", "relative_bias", "relative_bias_noise"], 0.5)
    return pd.DataFrame(
        [
            {"seed": seed, "variant": variant, "batch": batch, "total_variance": value, "snr": seed + batch}
            | rest
            | {"shrinkage": 0.0, "shrinkage_se": 0.1, "reference_flagged": 0}
            for variant in variants
            for batch, value in total_variance.items()
            for seed in seeds
        ]
    )


def values(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table["value"].tolist()
