"""Every kind of divergence is recorded with its iteration and cause, and affects no other run."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pg.environments.record import Rewards
from pg.learning import training
from pg.learning.columns import cause_of_divergence
from pg.learning.learner import Learner
from pg.parts.optimizers.sgd import Sgd
from tests.learning.runs import train_job, trained, tune_job, tuned

FAST = 1e6
OFF_POLICY = {"importance": "trajectory", "gradient_steps": 4}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "importance weights": (OFF_POLICY, {}, "importance weights are not finite"),
    "parameters": ({}, {}, "the policy is not finite"),
    "infinite loss": ({}, {"rewards": Rewards(scale=1e38)}, "the loss is not finite"),
    "critic": (
        {"baseline": {"name": "value_network", "hidden": [8], "fit_steps": 30, "learning_rate": 1e30}},
        {},
        "the loss is not finite",
    ),
}


def cause_of(run: pd.DataFrame) -> str | None:
    return cause_of_divergence(run.iloc[-1].to_dict())


@pytest.mark.parametrize("way", WAYS)
def test_divergence_is_recorded_with_iteration_and_cause(way: str, caplog: pytest.LogCaptureFixture) -> None:
    parts, environment, cause = WAYS[way]
    options = {"optimizer": Sgd(), **environment, **parts}
    job = tune_job("InvertedPendulum-v5", grid=(1e-9, FAST), seeds=2, horizon=20, steps=200, iterations=6, **options)
    with caplog.at_level(logging.WARNING, logger="pg"):
        frame = tuned(job).frame
    lost = [run for _, run in frame.groupby(["learning_rate", "seed"]) if cause_of(run) is not None]
    # A large step makes the policy diverge before the critic.
    judged = [run for run in lost if way != "critic" or run["learning_rate"].iloc[0] < FAST]
    assert {cause_of(run) for run in judged} == {cause}
    assert set(frame["seed"]) == {0, 1}
    for run in lost:
        last = run.iloc[-1]
        assert run["iteration"].tolist() == list(range(1, len(run) + 1))
        when = f"seed {int(last['seed'])}, iteration {int(last['iteration'])}"
        assert f"{when}: {cause_of(run)}; the run has diverged and ends" in caplog.messages
    assert len([said for said in caplog.messages if "has diverged" in said]) == len(lost)
    if way in ("importance weights", "parameters"):
        assert len(lost) == 2, "the slow rate goes on"
        assert all(len(run) == 1 for run in lost)
        assert frame[frame["learning_rate"] == 1e-9].groupby("seed")["iteration"].max().ge(3).all()


def test_diverged_seed_changes_no_other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy of one of three seeds diverges in its second iteration."""
    improve = training.improve

    def sabotaged(one: Learner, *arguments: Any) -> dict[str, float | int]:
        if one.seed == 1 and one.iteration == 1:
            one.policy.theta.data.fill_(np.nan)
        return improve(one, *arguments)

    def rows(*seeds: int) -> pd.DataFrame:
        return trained(train_job("CartPole-v1", *seeds), 0.01).frame

    alone = pd.concat([rows(0), rows(2)])
    monkeypatch.setattr(training, "improve", sabotaged)
    together = rows(0, 1, 2)
    assert together[together["seed"] != 1].to_csv(index=False) == alone.to_csv(index=False)
    assert len(together[together["seed"] == 1]) == 2
