"""Training runs: bit-identical in any block of seeds, with budgets, stages, tuning and rewards as declared."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pg.__main__ import main
from pg.core.trajectories import Spaces
from pg.environments.record import Observations, Rewards
from pg.experiments.train.curves import has_diverged
from pg.learning.columns import RUN_COLUMNS
from pg.learning.job import Budget, Demonstrators
from pg.learning.learner import make_learner
from pg.learning.rollout import Generators
from pg.parts.critic import Critic as LearnedCritic
from pg.parts.limits.early_stop import EarlyStop
from pg.parts.limits.line_search import LineSearch
from pg.parts.limits.natural_gradient import NaturalGradient
from pg.parts.limits.penalty import Penalty
from pg.parts.optimizers.sgd import Sgd
from pg.parts.starts.clone import Clone
from pg.parts.variant import PolicyOptions, Variant
from tests.learning.runs import ACTOR_CRITIC, STAGES, Memory, train_job, trained, tune_job, tuned

SGD = Sgd(learning_rate=0.02)
CLIPPED = {"name": "per_step", "clip": 0.2}
OF_IMITATION = ("demonstrator_return", "imitation_training_loss", "imitation_loss")


def train(id: str, *seeds: int, steps: int = 1200, horizon: int = 100, **options: Any) -> Memory:
    defaults = {"policy": PolicyOptions(hidden=(16, 16)), "batch": 8}
    return trained(train_job(id, *seeds, steps=steps, horizon=horizon, **{**defaults, **options}))


def numbers(frame: pd.DataFrame) -> np.ndarray:
    """Return where rows are finite, without the columns of imitation and of critics."""
    return np.isfinite(frame.drop(columns=[*OF_IMITATION, "explained_variance"]).to_numpy(dtype=np.float64))


def assert_same(together: Memory, parts: Sequence[Memory]) -> None:
    assert pd.concat([part.frame for part in parts]).to_csv(index=False) == together.frame.to_csv(index=False)
    for part in parts:
        for key, policy in part.snapshots.items():
            for name, values in policy.items():
                np.testing.assert_array_equal(values, together.snapshots[key][name])


@pytest.mark.parametrize(
    ("id", "parts"),
    [
        ("CartPole-v1", ACTOR_CRITIC),
        ("CartPole-v1", {"observations": Observations(stack=2, normalise=True)}),
        ("InvertedPendulum-v5", {"importance": CLIPPED, "gradient_steps": 2, "minibatches": 4}),
        ("pg/Chain-v0", {"baseline": "optimal", "gradient_steps": 2, "kl": Penalty(limit=0.003)}),
    ],
    ids=["critic", "normalised", "minibatches", "penalty"],
)
def test_runs_are_bit_identical_in_any_block(id: str, parts: dict[str, Any]) -> None:
    together, *blocks = (train(id, *seeds, steps=400, **parts) for seeds in ((0, 1, 2), (0,), (1, 2)))
    assert_same(together, blocks)
    assert numbers(together.frame).all()


@pytest.mark.parametrize("id", ["Acrobot-v1", "MountainCarContinuous-v0", "HalfCheetah-v5"])
def test_any_gymnasium_environment_trains(id: str) -> None:
    frame = train(id, 0, 1, steps=200, horizon=20, batch=4).frame
    assert list(frame.columns) == list(RUN_COLUMNS)
    assert numbers(frame).all()
    assert frame[[*OF_IMITATION]].isna().all(axis=None)
    assert (frame["demonstration_steps"] == 0).all()
    assert frame.groupby("seed")["steps"].max().ge(200).all()


def test_run_ends_at_its_budget_or_last_iteration() -> None:
    frame = train("CartPole-v1", 0, 1).frame
    for _, run in frame.groupby("seed"):
        assert run["iteration"].tolist() == list(range(1, len(run) + 1))
        assert (run["steps"].iloc[:-1] < 1200).all()
        assert run["steps"].iloc[-1] >= 1200 or len(run) == 30
        np.testing.assert_array_equal(run["episodes"], 8 * run["iteration"])
        np.testing.assert_allclose(run["steps"].diff().iloc[1:], 8 * run["length_mean"].iloc[1:])
    assert train("CartPole-v1", 0, steps=10**9).frame["iteration"].max() == 30


def test_a_run_that_ends_early_is_kept_at_the_stages_that_are_left() -> None:
    kept = trained(train_job("pg/Chain-v0", 0, horizon=4, steps=1000, iterations=2)).snapshots
    assert list(kept) == [(0, stage) for stage in STAGES]
    initial, middle, late = (policy["theta"] for policy in kept.values())
    assert np.array_equal(middle, late)
    assert not np.array_equal(initial, late)


def test_snapshots_differ_between_stages() -> None:
    memory = train("CartPole-v1", 0, 1)
    assert set(memory.snapshots) == {(seed, stage) for seed in (0, 1) for stage in STAGES}
    first, second, third = (memory.snapshots[0, stage]["theta"] for stage in STAGES)
    assert (first != second).all()
    assert (second != third).all()


def test_tuning_tries_every_rate_on_every_seed() -> None:
    memory = tuned(tune_job("CartPole-v1", grid=(0.001, 0.1), seeds=3, horizon=50))
    frame = memory.frame
    pairs = set(zip(frame["learning_rate"], frame["seed"], strict=True))
    assert pairs == {(rate, seed) for rate in (0.001, 0.1) for seed in range(3)}
    assert not memory.snapshots
    first = frame[frame["iteration"] == 1].pivot_table(index="seed", columns="learning_rate", values="return_mean")
    np.testing.assert_array_equal(first[0.001], first[0.1])


def test_tuning_and_training_seeds_are_independent() -> None:
    tuning = tuned(tune_job("InvertedPendulum-v5", grid=(0.02,), seeds=2, horizon=20, steps=100))
    evaluated = trained(train_job("InvertedPendulum-v5", 0, 1, horizon=20, steps=100))
    assert not set(tuning.frame["gradient_norm"]) & set(evaluated.frame["gradient_norm"])


@pytest.mark.long
@pytest.mark.parametrize(
    "parts",
    [
        {"baseline": "per_step_leave_one_out", "steps": 20_000},
        {**ACTOR_CRITIC, "importance": CLIPPED, "gradient_steps": 3, "steps": 12_000},
    ],
    ids=["reinforce", "actor-critic"],
)
def test_training_improves_the_return(parts: dict[str, Any]) -> None:
    frame = train("CartPole-v1", 0, 1, 2, horizon=200, **parts).frame
    runs = [run["return_mean"] for _, run in frame.groupby("seed")]
    assert all(run.iloc[-5:].mean() > 2 * run.iloc[:5].mean() for run in runs)


@pytest.mark.long
def test_explained_variance_grows_with_a_critic_only() -> None:
    assert train("CartPole-v1", 0).frame["explained_variance"].isna().all()
    critic = {"baseline": {"name": "value_network", "hidden": [16], "fit_steps": 20}}
    frame = train("CartPole-v1", 0, 1, 2, steps=6000, horizon=200, **critic).frame
    for _, run in frame.groupby("seed"):
        assert run["explained_variance"].iloc[0] == pytest.approx(0, abs=1e-6), "a new network explains nothing"
        assert run["explained_variance"].iloc[-10:].mean() > 0.2


def test_critic_is_fitted_after_its_batch_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    for name in ("values", "explained_variance", "fit"):
        original = getattr(LearnedCritic, name)

        def recorded(self: LearnedCritic, batch: Any, name: str = name, original: Any = original) -> Any:
            order.append(name)
            return original(self, batch)

        monkeypatch.setattr(LearnedCritic, name, recorded)
    rows = train("pg/Chain-v0", 0, steps=60, horizon=4, **ACTOR_CRITIC).rows
    assert order == ["values", "explained_variance", "values", "fit"] * len(rows)


def test_every_purpose_of_a_learner_has_random_numbers_of_its_own() -> None:
    found: list[int] = []
    for stream in ("train", "tune"):
        learner = make_learner(Variant(), Spaces(4, 2), 10, 0, 0.1, stream)
        shown = Generators.of(0, stream, prefix="demonstration ")
        states = [*learner.generators.state(), *learner.evaluation_generators.state(), *shown.state()]
        found += [state["state"]["state"] for state in (*states, learner.shuffling.bit_generator.state)]
    assert len(set(found)) == len(found) == 2 * (2 + 2 + 2 + 1)


@pytest.mark.parametrize("of", ["critic", "minibatches"])
def test_critics_and_minibatches_depend_on_seed_and_stream(of: str) -> None:
    def drawn(seed: int, stream: str) -> list[float]:
        learner = make_learner(Variant(**ACTOR_CRITIC), Spaces(2, 2), 5, seed, 0.1, stream)
        assert learner.critic is not None
        weights = learner.critic.network.phi.tolist()
        return weights if of == "critic" else learner.shuffling.permutation(50).tolist()

    assert drawn(0, "train") == drawn(0, "train")
    assert len({tuple(drawn(*one)) for one in ((0, "train"), (1, "train"), (0, "tune"))}) == 3


LIMITED: dict[str, dict[str, Any]] = {
    "early_stop": {"gradient_steps": 4, "kl": EarlyStop(limit=0.003)},
    "line_search": {"gradient_steps": 4, "kl": LineSearch(limit=0.003, direction="old_new")},
    "natural_gradient": {"kl": NaturalGradient(limit=0.003)},
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("id", "name"),
    [("CartPole-v1", name) for name in LIMITED]
    + [("InvertedPendulum-v5", name) for name in ("line_search", "natural_gradient")],
)
def test_updates_stay_within_the_limit(id: str, name: str) -> None:
    parts = LIMITED[name]
    frame, limit = train(id, 0, 1, steps=300, baseline="per_step", **parts).frame, parts["kl"]
    assert numbers(frame).all()
    assert frame[f"kl_{limit.direction}"].max() <= limit.limit + 1e-6
    assert frame[f"kl_{limit.direction}"].max() > limit.limit / 10


def test_penalty_continues_from_the_last_update() -> None:
    frame = train("CartPole-v1", 0, 1, gradient_steps=3, kl=Penalty(limit=1e-9)).frame
    for _, run in frame.groupby("seed"):
        np.testing.assert_array_equal(run["penalty"], 2.0 ** np.arange(len(run)))


def test_run_with_nonfinite_weights_ends_and_others_continue(caplog: pytest.LogCaptureFixture) -> None:
    """With the second learning rate, every policy diverges in its first update."""
    job = tune_job("InvertedPendulum-v5", (1e-4, 1e6), 2, 20, optimizer=Sgd(), importance="per_step", gradient_steps=3)
    with caplog.at_level(logging.WARNING, logger="pg"):
        frame = tuned(job).frame
    diverged, others = frame[frame["learning_rate"] == 1e6], frame[frame["learning_rate"] == 1e-4]
    assert diverged[["seed", "iteration", "episodes"]].to_numpy().tolist() == [[0, 1, 4], [1, 1, 4]]
    assert diverged["gradient_norm"].isna().all()
    assert diverged[["steps", "return_mean", "length_mean"]].notna().all(axis=None)
    assert others.groupby("seed")["steps"].max().ge(300).all()
    assert numbers(others).all()
    assert [has_diverged(run) for _, run in frame.groupby(["learning_rate", "seed"])] == [False, False, True, True]
    first, ended, second, _ = (record.getMessage() for record in caplog.records)
    assert first.startswith("seed 0, iteration 1: importance weights")
    assert second.startswith("seed 1, iteration 1: importance weights")
    assert "at step 0" in first
    assert ended.endswith("the run has diverged and ends")


def test_command_line_trains_a_natural_gradient(tmp_path: Path) -> None:
    study = {
        "name": "A natural gradient",
        "results": "results/natural",
        "environments": {"chain": {"id": "pg/Chain-v0", "horizon": 5}},
        "variants": {"natural": {"kl": {"limit": 0.01, "hold_by": "natural_gradient"}, "policy": {"hidden": [4]}}},
        "experiments": {
            "learn": {
                "kind": "train",
                "environments": ["chain"],
                "variants": ["natural"],
                "seeds": {"count": 2},
                "budget": {"steps": 200},
            }
        },
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    place = ["--experiment", "learn", "--environment", "chain", "--variant", "natural", "--seeds", "0-1"]
    rows = tmp_path / "rows.csv"
    assert main(["--configfile", str(tmp_path / "study.yaml"), "train", *place, "--output", str(rows)]) == 0
    again = tmp_path / "again.csv"
    assert main(["train", "--configfile", str(tmp_path / "study.yaml"), *place, "--output", str(again)]) == 0
    assert again.read_bytes() == rows.read_bytes()
    frame = pd.read_csv(rows)
    assert set(frame["seed"]) == {0, 1}
    assert (frame["learning_rate"] == 0).all()
    assert frame["kl_new_old"].between(0, 0.01).all()
    assert frame["kl_new_old"].max() > 0.001


def trained_with(rewards: Rewards, rate: float, **variant: Any) -> Memory:
    job = train_job("CartPole-v1", 0, 1, horizon=50, steps=10_000, iterations=8, rewards=rewards, **variant)
    return trained(job, rate)


def test_logged_returns_are_sums_of_the_environments_own_rewards() -> None:
    """With a reward of 0 for every step a learner learns nothing, but its logged returns are those of CartPole."""
    unpaid = trained_with(Rewards(offset=-1.0), 0.1)
    assert (unpaid.frame["gradient_norm"] == 0).all()
    assert (unpaid.frame["return_mean"] == unpaid.frame["length_mean"]).all()
    assert (unpaid.frame["return_mean"] > 1).all()


def test_scaled_rewards_equal_a_scaled_rate_under_sgd() -> None:
    plain = trained_with(Rewards(), 0.02, optimizer=SGD)
    scaled = trained_with(Rewards(scale=8.0), 0.0025, optimizer=SGD)
    same = ["return_mean", "entropy", "kl_new_old"]
    pd.testing.assert_frame_equal(scaled.frame[same], plain.frame[same], rtol=1e-4)
    np.testing.assert_allclose(scaled.frame["gradient_norm"], 8 * plain.frame["gradient_norm"], rtol=1e-4)
    assert plain.frame["kl_new_old"].max() > 1e-6


def test_rewards_at_the_end_equal_total_returns() -> None:
    total = trained_with(Rewards(), 0.02, returns="total")
    late = trained_with(Rewards(paid="at_end"), 0.02, returns="to_go")
    assert late.frame.to_csv() == total.frame.to_csv()
    assert trained_with(Rewards(), 0.02, returns="to_go").frame.to_csv() != total.frame.to_csv()


SHOWN: dict[str, Any] = {"demonstrations": 5, "epochs": 3}
SNAPSHOTS = {"experiment": "other", "variant": "other", "stage": "late"}


@cache
def final_policies(id: str) -> Mapping[int, Mapping[str, np.ndarray]]:
    """Return the last policies of two seeds; tests must not change them."""
    snapshots = train(id, 6, 7, steps=100, horizon=50).snapshots
    return {seed: snapshots[seed, "late"] for seed in (6, 7)}


def cloned(id: str, *seeds: int, **start: Any) -> Memory:
    """Train a few batches from clones of the two final policies of another training."""
    options = PolicyOptions(hidden=(16, 16))
    job = train_job(
        id,
        *seeds,
        horizon=50,
        steps=600,
        iterations=3,
        policy=options,
        initialise=Clone(**{**SHOWN, **start}),
        demonstrators=Demonstrators(policy=options, stage="late", seeds=tuple(6 + seed % 2 for seed in seeds)),
    )
    return trained(job, demonstrators=final_policies(id))


@pytest.mark.long
@pytest.mark.parametrize(
    ("id", "start"),
    [
        ("CartPole-v1", {"clone": SNAPSHOTS}),
        ("InvertedPendulum-v5", {"clone": SNAPSHOTS}),
        ("CartPole-v1", {"controller": "lean"}),
        ("InvertedPendulum-v5", {"controller": "upright"}),
    ],
    ids=["snapshots-discrete", "snapshots-real", "controller-discrete", "controller-real"],
)
def test_clones_are_bit_identical_and_count_demonstrations(id: str, start: dict[str, Any]) -> None:
    together = cloned(id, 0, 1, **start)
    assert_same(together, [cloned(id, seed, **start) for seed in (0, 1)])
    for _, run in together.frame.groupby("seed"):
        shown = run["demonstration_steps"].iloc[0]
        assert shown >= SHOWN["demonstrations"]
        # These environments pay 1 per step; one of them pays nothing for the last step.
        assert (shown / SHOWN["demonstrations"] - run["demonstrator_return"]).between(-1e-6, 1 + 1e-6).all()
        np.testing.assert_allclose(run["steps"], shown + 4 * run["length_mean"].cumsum())
        np.testing.assert_array_equal(run["episodes"], 4 * run["iteration"])
        assert run[[*OF_IMITATION, "demonstration_steps"]].drop_duplicates().shape[0] == 1
        assert numbers(run).all()
        assert run[[*OF_IMITATION]].notna().all(axis=None)


def test_initial_snapshot_of_a_clone_is_the_clone() -> None:
    clone = cloned("CartPole-v1", 0, controller="lean").snapshots[0, "initial"]
    random = train("CartPole-v1", 0, steps=100).snapshots[0, "initial"]
    barely_fitted = cloned("CartPole-v1", 0, controller="lean", epochs=1, learning_rate=1e-9).snapshots[0, "initial"]
    assert (np.abs(clone["theta"] - random["theta"]) > 1e-6).all()
    for name, values in random.items():
        np.testing.assert_allclose(barely_fitted[name], values, rtol=0, atol=1e-7)


def test_demonstrations_count_in_the_budget() -> None:
    frame = cloned("CartPole-v1", 0, controller="lean", demonstrations=40).frame
    assert frame["demonstration_steps"].iloc[0] > 600
    assert frame["iteration"].tolist() == [1]


def test_tuning_starts_every_rate_from_the_same_clone() -> None:
    options = {"initialise": Clone(controller="lean", **SHOWN), "observations": Observations(normalise=True)}
    grid = (0.001, 0.1)
    memory = tuned(tune_job("CartPole-v1", grid, seeds=3, horizon=50, steps=600, iterations=2, **options))
    first = memory.frame.query("iteration == 1")
    assert len(first) == 6
    assert (first["observation_shift"] > 0).all(), "demonstrations count for the scale of observations"
    for column in (*OF_IMITATION, "demonstration_steps", "observation_shift", "return_mean"):
        values = first.pivot_table(index="seed", columns="learning_rate", values=column)
        np.testing.assert_array_equal(values[0.001], values[0.1])
    assert first["imitation_loss"].nunique() == 3
    evaluated = cloned("CartPole-v1", 0, controller="lean").frame
    assert evaluated["demonstration_steps"].iloc[0] != first["demonstration_steps"].iloc[0]


def sgd(**options: Any) -> Sgd:
    return Sgd(learning_rate=0.02, **options)


def test_a_clipped_gradient_steps_no_further_than_its_norm_and_is_logged_whole() -> None:
    free = trained_with(Rewards(), 0.02, optimizer=SGD)
    norms = free.frame["gradient_norm"]
    loose = trained_with(Rewards(), 0.02, optimizer=sgd(clip_norm=2 * norms.max()))
    assert loose.frame.to_csv() == free.frame.to_csv()
    # With every gradient clipped, each step has the same length; scaled rewards then change nothing.
    tight = sgd(clip_norm=1e-2)
    one, other = (trained_with(Rewards(scale=scale), 0.02, optimizer=tight).frame for scale in (1.0, 8.0))
    assert (norms > 1e-2).all()
    np.testing.assert_allclose(other["gradient_norm"], 8 * one["gradient_norm"], rtol=1e-4)
    np.testing.assert_allclose(other["kl_new_old"], one["kl_new_old"], rtol=1e-3)
    assert one["kl_new_old"].max() < free.frame["kl_new_old"].max()


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [("linear", [1.0, 0.75, 0.4, 0.0, 0.0]), ("cosine", [1.0, (2 + 2**0.5) / 4, (5 - 5**0.5) / 8, 0.0, 0.0])],
)
def test_a_schedule_ends_at_zero(schedule: str, shares: list[float]) -> None:
    budget = Budget(steps=100, max_iterations=4)
    optimizer = sgd(schedule=schedule)
    rates = [optimizer.rate(0.1, budget.spent(*spent)) for spent in ((0, 0), (10, 1), (60, 1), (100, 3), (120, 4))]
    assert rates == pytest.approx([0.1 * share for share in shares])
    assert Sgd().rate(0.1, 0.9) == 0.1


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_learners_follow_the_schedule_from_the_whole_budget(schedule: str) -> None:
    constant, falling = (
        trained_with(Rewards(), 0.02, optimizer=sgd(schedule=followed)).frame for followed in ("constant", schedule)
    )
    # The first update has the whole rate; the steps of later ones are shorter.
    assert falling["kl_new_old"].iloc[0] == constant["kl_new_old"].iloc[0]
    assert falling["kl_new_old"].iloc[-1] < constant["kl_new_old"].iloc[-1]
    assert (falling["learning_rate"] == 0.02).all(), "the rate that the schedule begins with"
