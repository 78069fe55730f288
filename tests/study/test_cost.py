"""The cost of a study is estimated before it runs; a study that exceeds every machine is refused with the estimate."""

import time
from pathlib import Path
from typing import Any

import pytest
from pg.core.errors import InvalidStudy
from pg.study.cost import Estimate, estimate
from pg.study.files import read_file
from pg.study.validation import load
from tests.study.studies import FILES, put, study_of

STUDIES = Path(__file__).parents[2] / "workflow/studies"


@pytest.fixture
def smoke() -> dict[str, Any]:
    """Every kind of experiment."""
    return read_file(STUDIES / "smoke.yaml").options


def test_every_kind_that_steps_environments_counts(smoke: dict[str, Any]) -> None:
    study = load(smoke)
    kinds = {
        experiment.kind
        for name, experiment in study.experiments.items()
        if estimate(study, (name,)).steps > 0 and estimate(study, (name,)).core_minutes > 0
    }
    assert kinds >= {"train", "probe", "update", "staleness", "horizon", "gait"}


def test_a_run_costs_no_more_than_its_iterations_take(options: dict[str, Any]) -> None:
    def steps(**budget: int) -> int:
        put(options, "experiments/learn/budget", budget)
        return estimate(load(options), ("learn",)).steps

    # Two variants in batches of 16 trajectories of up to 500 steps; five seeds, and two rates on two tuning seeds.
    runs, batch = 2 * (5 + 2 * 2), 16 * 500
    assert steps(steps=10 * batch, max_iterations=3) == runs * 3 * batch
    assert steps(steps=2 * batch, max_iterations=3) == steps(steps=2 * batch) == runs * 2 * batch
    put(options, "experiments/learn/evaluate", {"every_steps": batch, "episodes": 1})
    assert steps(steps=10 * batch, max_iterations=3) == runs * 3 * batch + 2 * 5 * (1 + 3) * 500


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.4, "less than a minute"), (0.6, "about 1 minute"), (2.5e3, "about 2,500 minutes")]
)
def test_the_time_is_told_no_finer_than_it_is_known(minutes: float, said: str) -> None:
    assert str(Estimate(steps=1_000, core_minutes=minutes)) == f"1,000 environment steps, {said} of one core"


def test_humanoids_are_slower_than_other_environments_and_further_passes_cost(options: dict[str, Any]) -> None:
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


HUGE: list[tuple[str, Any, str]] = [
    ("environments/cartpole/horizon", 10**9, "GiB in one job, and 64 are allowed"),
    ("variants/total/batch", 10**9, "GiB in one job, and 64 are allowed"),
    ("variants/total/batch", 10**400, "GiB in one job, and 64 are allowed"),
    ("variants/total/policy/hidden", [10**9], "GiB in one job, and 64 are allowed"),
    ("variants/total/gradient_steps", 10**12, "hours of one core in one job, and 336 are allowed"),
    ("experiments/learn/budget/steps", 10**18, "hours of one core in one job"),
    ("experiments/learn/seeds/count", 10**9, "makes about 1,000,000,000 jobs, and 100,000 are allowed"),
    ("experiments/learn/tuning/seeds", 10**9, "in one job"),
    ("experiments/learn/evaluate", {"every_steps": 1, "episodes": 10**9}, "in one job"),
    ("experiments/learn/sweep", {"variant.batch": list(range(2, 100_000))}, "makes about 599,988 jobs"),
    ("experiments/gradients/sample/trajectories", 16 * 10**9, "in one job"),
    ("environments/chain/horizon", 10**6, "experiments.exact.limit: chain has "),
    ("experiments/exact/sweep", {"variant.batch": [10**5]}, "experiments.exact.limit: chain has "),
    ("experiments/exact/sweep", {"variant.batch": [10**9]}, "GiB in one job"),
]


@pytest.mark.parametrize(("path", "value", "message"), HUGE, ids=[f"{path}={value!s:.20}" for path, value, _ in HUGE])
def test_what_is_huge_is_refused_with_the_estimate_and_at_once(
    options: dict[str, Any], path: str, value: Any, message: str
) -> None:
    load(options)
    put(options, path, value)
    started = time.process_time()
    with pytest.raises(InvalidStudy) as refused:
        load(options)
    assert message in str(refused.value)
    assert time.process_time() - started < 5
    assert all(len(line) < 600 for line in str(refused.value).splitlines())


def test_the_studies_of_the_repository_are_far_from_every_limit() -> None:
    for file in FILES:
        assert estimate(study_of(file)).core_minutes < 600, file


def test_the_estimate_counts_every_run_and_tuning(options: dict[str, Any]) -> None:
    study = load(options)
    # Two variants, five seeds and two rates on two tuning seeds each, 100 steps per run.
    assert estimate(study, ("learn",)).steps == 2 * (5 + 4) * 100
    assert estimate(study).core_minutes > 0


def test_the_estimate_counts_evaluations_as_if_all_episodes_were_full(options: dict[str, Any]) -> None:
    before = estimate(load(options), ("learn",))
    options["experiments"]["learn"]["evaluate"] = {"every_steps": 40, "episodes": 3}
    after = estimate(load(options), ("learn",))
    # Two variants, five seeds; evaluations at 0, 40 and 80 steps of three episodes of 500 steps.
    assert after.steps - before.steps == 2 * 5 * 3 * 3 * 500
    assert after.core_minutes > before.core_minutes
    options["experiments"]["learn"]["evaluate"] |= {"horizon": 70, "passed_at": 60}
    assert estimate(load(options), ("learn",)).steps - before.steps == 2 * 5 * 3 * 3 * 70
