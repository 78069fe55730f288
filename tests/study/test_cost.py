"""The cost of a study is estimated before it runs; a study too large for any machine is refused with the estimate."""

import copy
import time
from typing import Any

import gymnasium
import pytest
from pg.study.cost import Estimate, estimate
from pg.study.expansion import cells
from pg.study.validation import load
from tests.study.studies import FILES, assert_refused, put, study_of, with_reuse


def test_every_kind_that_steps_environments_costs_time() -> None:
    study = study_of("workflow/studies/smoke.yaml")
    costs = {one.kind: estimate(study, (name,)) for name, one in study.experiments.items()}
    for kind in ("train", "probe", "update", "staleness", "horizon", "gait"):
        assert costs[kind].steps > 0
        assert costs[kind].core_minutes > 0


def test_the_estimate_counts_runs_tuning_and_evaluations(options: dict[str, Any]) -> None:
    def steps(evaluate: dict[str, int], **budget: int) -> int:
        put(options, "experiments/learn/budget", budget)
        put(options, "experiments/learn/evaluate", evaluate)
        return estimate(load(options), ("learn",)).steps

    # Two variants in batches of 16 trajectories of up to 500 steps; five seeds, and five selections of two rates on two
    # tuning seeds each.
    trained, runs, batch = 2 * 5, 2 * (5 + 5 * 2 * 2), 16 * 500
    first = {"every_steps": batch, "episodes": 1}
    # Evaluations before the first update and after each of up to three, of one episode.
    assert steps(first, steps=10 * batch, max_iterations=3) == runs * 3 * batch + trained * (1 + 3) * 500
    two = runs * 2 * batch + trained * (1 + 2) * 500
    assert steps(first, steps=2 * batch, max_iterations=3) == steps(first, steps=2 * batch) == two
    # Evaluations of three episodes before the first update, after those that pass two batches, and after the last.
    budget, evaluate = 9 * batch, {"every_steps": 2 * batch, "episodes": 3}
    assert steps(evaluate, steps=budget) == runs * budget + trained * (1 + 5) * 3 * 500
    in_short = steps(evaluate | {"horizon": 70, "threshold": 60}, steps=budget)
    assert in_short == runs * budget + trained * (1 + 5) * 3 * 70
    # By default 1 + 40 evaluations of 8 episodes, but no more than updates.
    assert steps({}, steps=80 * batch) == runs * 80 * batch + trained * (1 + 40) * 8 * 500
    assert steps({}, steps=budget) == runs * budget + trained * (1 + 9) * 8 * 500


def test_an_environment_without_a_declared_horizon_has_the_one_that_it_is_registered_with(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gymnasium.register("Short-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=40)
    monkeypatch.setitem(options["environments"], "cartpole", {"id": "Short-v0"})
    without = estimate(load(options))
    options["environments"]["cartpole"]["horizon"] = 40
    assert estimate(load(options)) == without
    options["environments"]["cartpole"]["horizon"] = 400
    assert estimate(load(options)).steps > 2 * without.steps


def test_a_step_on_a_window_takes_the_time_of_a_step_on_each_of_its_batches(options: dict[str, Any]) -> None:
    def minutes(**parts: Any) -> float:
        options["variants"]["windowed"] = {"importance": "per_step", **parts}
        options["experiments"] = {"learn": options["experiments"]["learn"] | {"variants": ["windowed"]}}
        options["claims"], options["figures"] = {}, {}
        return estimate(load(options), ("learn",)).core_minutes

    three = minutes(gradient_steps=3)
    assert minutes(window={"batches": 3}) == pytest.approx(three)
    assert three > minutes()


def test_memory_is_for_all_batches_of_a_window_and_all_episodes_of_an_evaluation(options: dict[str, Any]) -> None:
    def at_once(**evaluate: int) -> list[int]:
        put(options, "experiments/learn/evaluate", evaluate)
        study = load(options)
        return [study.experiments["learn"].cost(cell).trajectories for cell in cells(study, "learn")]

    batch = load(options).variants["total"].batch
    assert at_once(episodes=1) == [batch, batch]
    assert at_once(episodes=1000) == [1000, 1000]
    options["variants"]["windowed"] = {"window": {"batches": 3}, "importance": "per_step"}
    options["experiments"]["learn"]["variants"].append("windowed")
    assert at_once(episodes=1) == [batch, batch, 3 * batch]


def test_steps_of_evaluations_take_less_time_than_training(options: dict[str, Any]) -> None:
    def minutes(**changes: int) -> float:
        put(options, "experiments/learn/budget", {"steps": 400_000})
        put(options, "experiments/learn/evaluate", {"every_steps": 400_000, "episodes": 1} | changes)
        return estimate(load(options), ("learn",)).core_minutes

    # 2 and 802 episodes of 500 steps in each of ten runs.
    trained = minutes()
    more = minutes(episodes=401) - trained
    assert 0 < more < trained / 4


@pytest.mark.parametrize(
    ("minutes", "duration"), [(0.4, "less than a minute"), (0.6, "about 1 minute"), (2.5e3, "about 2,500 minutes")]
)
def test_the_time_is_rounded_to_minutes(minutes: float, duration: str) -> None:
    assert str(Estimate(steps=1_000, core_minutes=minutes)) == f"1,000 environment steps, {duration} of one core"


def test_equal_runs_count_once(options: dict[str, Any]) -> None:
    alone = estimate(load(options))
    options["experiments"]["again"] = copy.deepcopy(options["experiments"]["learn"])
    study = load(options)
    assert estimate(study) == alone
    assert estimate(study, ("again",)) == estimate(study, ("learn",))
    put(options, "experiments/again/seeds/count", 2 * study.experiments["learn"].seeds.count)
    assert estimate(load(options)).steps > alone.steps


def test_humanoids_and_further_passes_take_longer(options: dict[str, Any]) -> None:
    def minutes() -> float:
        return estimate(load(options), ("learn",)).core_minutes

    before = minutes()
    options["variants"]["total"]["gradient_steps"] = 16
    more = minutes()
    assert before < more < 16 * before
    options["environments"]["cartpole"] = {"id": "Hopper-v5"}
    single = minutes()
    options["environments"]["cartpole"] = {"id": "Humanoid-v5"}
    options["experiments"].pop("gradients")
    options["figures"], options["claims"] = {}, {}
    assert minutes() > 2 * single > 2 * more


GIBIBYTES, HOURS = "GiB in one job, and 64 are allowed", "hours of one core in one job, and 336 are allowed"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("environments/cartpole/horizon", 10**9, GIBIBYTES),
        ("variants/total/batch", 10**9, GIBIBYTES),
        ("variants/total/batch", 10**400, GIBIBYTES),
        ("variants/total/policy/hidden", [10**9], GIBIBYTES),
        ("environments/cartpole/observations/stack", 10**7, GIBIBYTES),
        ("variants/total/gradient_steps", 10**12, HOURS),
        ("experiments/learn/budget/steps", 10**18, HOURS),
        ("experiments/learn/seeds/count", 10**9, "makes about 1,000,000,000 jobs, and 100,000 are allowed"),
        ("experiments/learn/tuning/seeds", 10**12, HOURS),
        ("experiments/learn/evaluate", {"every_steps": 1, "episodes": 10**9}, "in one job"),
        ("experiments/learn/sweep", {"variant.batch": list(range(2, 100_000))}, "makes about 599,988 jobs"),
        ("experiments/gradients/sample/trajectories", 16 * 10**9, "in one job"),
        ("experiments/gradients/sample/reference_limit", 10**30, HOURS),
        ("variants/total/initialise", {"controller": "lean", "demonstrations": 10**9}, GIBIBYTES),
        ("variants/total/initialise", {"controller": "lean", "demonstrations": 10, "epochs": 10**12}, HOURS),
        ("experiments/exact/limit", 10**12, "should be less than or equal to 10000000"),
        ("environments/chain/horizon", 10**6, "experiments.exact.limit: chain has "),
        ("experiments/exact/sweep", {"variant.batch": [10**5]}, "experiments.exact.limit: chain has "),
        ("experiments/exact/sweep", {"variant.batch": [10**9]}, GIBIBYTES),
    ],
    ids=lambda one: f"{one!s:.40}",
)
def test_huge_studies_are_refused_with_an_estimate_before_they_are_expanded(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    load(options)
    started = time.process_time()
    assert_refused(options, path, value, message)
    # A study that is expanded takes hours; any machine refuses this one within a minute.
    assert time.process_time() - started < 60


def test_walks_and_critics_of_measurements_count(options: dict[str, Any]) -> None:
    def minutes(**changes: Any) -> float:
        study = with_reuse(copy.deepcopy(options))
        study["experiments"].pop("weights")
        study["claims"]["causality"]["parts"].pop("long")
        for path, value in changes.items():
            put(study, path.replace("__", "/"), value)
        return estimate(load(study), ("stale",)).core_minutes

    at_once = minutes()
    # Steps on a batch of 16 trajectories of up to 50 steps, for two seeds.
    walked = minutes(experiments__stale__walk__steps=[0, 4, 1_000_000]) - at_once
    assert walked > 1_000_000 * 16 * 50 * 2 * 8e-7 / 60
    network = {"name": "value_network", "fit_steps": 100_000}
    fitted = minutes(variants__per_step__baseline=network, experiments__stale__sample__critic_trajectories=32) - at_once
    assert fitted == pytest.approx(100_000 * 32 * 50 * 2 * 8e-7 / 60, rel=0.01)


def test_two_studies_take_hours_and_the_others_less_than_one() -> None:
    hours = {file: estimate(study_of(file)).core_minutes / 60 for file in FILES}
    assert 5 < hours.pop("workflow/studies/thorough.yaml") < 20
    # It took eleven.
    assert 5 < hours.pop("workflow/studies/published_mujoco.yaml") < 16
    assert all(one < 1 for one in hours.values())
