"""Rows of runs and probes by hand, and the values of a table computed from them."""

import numpy as np
import pandas as pd
from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.parts.variant import Variant

FINITE = {"surrogate": 1.0, "gradient_norm": 1.0, "gradient_steps": 1.0, "kl_new_old": 0.1, "kl_old_new": np.inf}
"""What a row says about an update that did not diverge."""


def cell(environment="cartpole", variant="to_go", *, suffix="", threshold=None, levels=None):
    return Cell(
        experiment="ladder",
        environment_name=environment,
        variant_name=variant,
        environment_id=environment,
        variant_id=variant + suffix,
        environment=Environment(id="CartPole-v1", threshold=threshold),
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
