"""Estimates from the batches of a learner's latest policies, as a job measures them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pg.environments.record import Environment
from pg.experiments.window import measure as window
from pg.experiments.window.options import Path, WindowOptions
from pg.experiments.window.record import WindowExperiment
from pg.laboratory.frozen import random_policy
from pg.laboratory.job import MeasurementJob, Sample
from pg.laboratory.reference import truth
from pg.learning.updates import update
from pg.parts.corrections.trajectory import Trajectory
from pg.parts.corrections.weights import NonFiniteWeights
from pg.parts.optimizers.sgd import Sgd
from pg.parts.variant import Variant
from tests.laboratory.jobs import job_of, rows_of
from tests.laboratory.pairs import MDPS, OPTIONS

RANDOM = Environment(id="pg/Random-v0", kwargs={"states": 2, "seed": 1}, horizon=3)
CARTPOLE = Environment(id="CartPole-v1", horizon=20)
LEARNER = Variant(optimizer=Sgd(learning_rate=0.5), batch=8, policy=OPTIONS)


def windowed(batches: int, name: str = "balance", **parts: Any) -> Variant:
    return Variant(window={"name": name, "batches": batches}, **parts)


VARIANTS = {
    "one": Variant(importance="trajectory"),
    "naive": windowed(3),
    "balance": windowed(3, importance="trajectory"),
    "own": windowed(3, "own", importance="trajectory"),
    "left_out": windowed(3, importance="per_decision", baseline="leave_one_out"),
}


def job(
    *seeds: int,
    environment: Environment = RANDOM,
    variants: dict[str, Variant] = VARIANTS,
    iterations: int = 2,
    **sample: Any,
) -> MeasurementJob[WindowOptions]:
    return job_of(
        WindowExperiment,
        environment,
        variants,
        *seeds,
        policy=OPTIONS,
        others={"path.variant": LEARNER},
        path=Path(variant="learner", iterations=iterations),
        sample=Sample(**{"trajectories": 64, "batches": (4,), "reference": 32, "reference_limit": 32} | sample),
    )


def measured(*seeds: int, **options: Any) -> pd.DataFrame:
    return rows_of(job(*seeds, **options)).set_index("variant")


def test_exact_bias_is_zero_for_weights_of_trajectories() -> None:
    rows = measured(1)
    np.testing.assert_allclose(rows["relative_bias"][["one", "balance", "own"]], 0, atol=1e-10)
    assert rows["relative_bias"]["naive"] > 0.01
    assert (rows["relative_bias_noise"][["one", "naive", "balance", "own"]] == 0).all()
    assert rows["relative_bias_noise"]["left_out"] > 0


def test_one_batch_has_no_old_data() -> None:
    row = measured(1).loc["one"]
    assert [row["kl_from_oldest"], row["effective_share"], row["largest_weight"]] == [0, 1, 1]


def test_weights_of_the_mixture_are_at_most_the_number_of_batches() -> None:
    rows = measured(1, environment=CARTPOLE, variants={name: VARIANTS[name] for name in ("balance", "own", "left_out")})
    assert 1 < rows["largest_weight"]["balance"] <= 3
    assert 1 < rows["largest_weight"]["left_out"] <= 3
    assert rows["kl_from_oldest"]["balance"] == rows["kl_from_oldest"]["own"] == rows["kl_from_oldest"]["left_out"] > 0


def test_more_batches_lower_the_variance_while_policies_are_close() -> None:
    slow = LEARNER.model_copy(update={"optimizer": Sgd(learning_rate=1e-3)})
    one = job(1, variants={"one": VARIANTS["one"], "balance": VARIANTS["balance"]}, trajectories=512)
    rows = rows_of(one.model_copy(update={"others": {"path.variant": slow}})).set_index("variant")
    variances = rows["total_variance"]
    assert variances["one"] / variances["balance"] == pytest.approx(3, rel=0.35)
    assert rows["effective_share"]["balance"] > 0.999


def test_the_path_is_that_of_the_learner() -> None:
    shared = window._Shared.of(job(1))
    first = random_policy(OPTIONS, MDPS["random"].spaces, 1).float().double()
    *before, last = shared.path(first, 1)
    assert len(before) == 2
    assert torch.equal(before[0].theta, first.theta)
    batch, again = shared.sampled(shared.batch_copies, before[1], 1, "path 1"), before[1]
    update(again, LEARNER.optimizer.over(again.parameters(), 0.5), LEARNER, batch)
    assert torch.equal(again.theta, last.theta)


def test_estimates_are_compared_with_the_gradient_at_the_newest_policy() -> None:
    shared = window._Shared.of(job(1))
    first = random_policy(OPTIONS, MDPS["random"].spaces, 1).float().double()
    last = shared.path(first, 1)[-1]
    found = shared.true_gradient(last, 1).gradient
    torch.testing.assert_close(found, truth(MDPS["random"], last).gradient)
    assert not torch.allclose(found, truth(MDPS["random"], first).gradient)


def test_measurements_do_not_depend_on_other_variants_or_seeds() -> None:
    whole, alone = measured(1, 2), measured(2, variants={"balance": VARIANTS["balance"]})
    both = whole[whole["seed"] == 2].loc[["balance"]]
    assert both.to_csv() == alone.to_csv()


def test_a_weight_that_overflows_does_not_change_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise NonFiniteWeights(1)

    whole = measured(1)
    monkeypatch.setattr(Trajectory, "__call__", overflow)
    found = measured(1)
    assert found.loc[["one", "balance", "own"]].drop(columns=["seed", "batch"]).isna().all(axis=None)
    pd.testing.assert_frame_equal(found.loc[["naive", "left_out"]], whole.loc[["naive", "left_out"]])
