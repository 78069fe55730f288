"""Any study is expanded into its jobs, or refused with a message that names the mistake.

Studies are made from the smoke study, which has every kind of experiment, figure and environment, by a few changes at
random places: options exchanged for others of their kind, keys misspelt or lost, values of a wrong type or size.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg.core.errors import InvalidStudy
from pg.experiments.train.record import TrainExperiment
from pg.laboratory.job import MeasurementJob
from pg.learning.job import TrainJob, TuneJob
from pg.study.expansion import cells
from pg.study.files import read_file
from pg.study.record import Study
from pg.study.slicing import measurement_job, train_job, tune_job
from pg.study.sources import stages_of
from pg.study.validation import load

SMOKE = read_file(Path(__file__).parents[2] / "workflow/studies/smoke.yaml").options

# Values that break whatever option they are given to, and such as may fit.
WRONG: tuple[Any, ...] = ({"nested": {}}, [[]], -1, -0.5, "no such thing", float("nan"), float("inf"), 10**9, "", True)
FITTING: dict[str, tuple[Any, ...]] = {
    "returns": ("total", "to_go"),
    "baseline": (
        "none",
        {"name": "constant", "value": 0.5},
        "average_reward",
        "leave_one_out",
        "per_step",
        "per_step_leave_one_out",
        "optimal",
    ),
    "discount": (1.0, 0.99),
    "normalise_advantages": (True, False),
    "importance": (
        "none",
        "trajectory",
        {"name": "trajectory", "self_normalised": True},
        {"name": "per_decision", "truncate_at": 2.0},
        {"name": "per_step", "clip": 0.2},
    ),
    "gradient_steps": (1, 3),
    "minibatches": (1, 2),
    "kl": (None, *({"limit": 0.1, "hold_by": way} for way in ("early_stop", "penalty", "line_search"))),
    "batch": (4, 8),
    "optimizer": ({"name": "sgd", "learning_rate": 0.1}, {"learning_rate": 0.003}),
    "policy": ({"hidden": []}, {"hidden": [4], "activation": "relu"}),
}

WAYS = ("wrong value", "misspelt", "lost")

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BROKEN, LEGAL = 5000, 2000
SEEDS = st.integers(0, 2**32 - 1)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key and item below a node."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(options: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        options = options[key]
    return options


def misspelt(chance: random.Random, key: str) -> str:
    place = chance.randrange(len(key))
    return key[:place] + chance.choice("xyz_") + key[place + chance.randrange(2) :]


def broken(
    seed: int, below: tuple[str, ...] = (), ways: tuple[str, ...] = WAYS
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Return the smoke study with one change below a node that is likely to break it, and where it was made."""
    chance, options = random.Random(seed), copy.deepcopy(SMOKE)
    path = chance.choice([(*below, *place) for place in places(at(options, below)) if "kwargs" not in place])
    *parents, key = path
    parent = at(options, tuple(parents))
    match chance.choice(ways if isinstance(key, str) else ("wrong value",)):
        case "misspelt":
            parent[misspelt(chance, key)] = parent.pop(key)
        case "lost":
            del parent[key]
        case _:
            parent[key] = copy.deepcopy(chance.choice(WRONG))
    return options, path


def varied(seed: int) -> dict[str, Any]:
    """Return the smoke study with the parts of some variants exchanged: legal, or a combination without meaning."""
    chance, options = random.Random(seed), copy.deepcopy(SMOKE)
    for name in chance.sample(sorted(options["variants"]), 3):
        for part in chance.sample(sorted(FITTING), chance.randrange(1, 4)):
            options["variants"][name][part] = copy.deepcopy(chance.choice(FITTING[part]))
    # A measurement needs a policy of its source for every seed.
    count = chance.randrange(1, 30)
    for experiment in options["experiments"].values():
        experiment["seeds"] = {"count": count, "per_job": chance.randrange(1, 12)}
    return options


def training_jobs(study: Study, name: str) -> Iterator[TrainJob | TuneJob]:
    for cell in cells(study, name):
        yield from (train_job(study, cell, block) for block in study.experiments[name].seeds.blocks)
        if cell.variant.is_tuned:
            yield tune_job(study, cell)


def laboratory_jobs(study: Study, name: str) -> Iterator[MeasurementJob]:
    for environment in dict.fromkeys(cell.environment_id for cell in cells(study, name)):
        for stage, block in itertools.product(stages_of(study, name), study.experiments[name].seeds.blocks):
            yield measurement_job(study, name, environment, stage, block)


def expand(study: Study) -> int:
    """Make every job of a study; return how many there are."""
    count = 0
    for name, experiment in study.experiments.items():
        jobs = training_jobs if isinstance(experiment, TrainExperiment) else laboratory_jobs
        count += len([job.canonical() for job in jobs(study, name)])
    return count


def readable_refusal(options: dict[str, Any]) -> str | None:
    """Return the message that refuses a study; None where it is legal, and its jobs could be made."""
    try:
        study = load(options)
    except InvalidStudy as refusal:
        return str(refusal)
    assert expand(study) > 0
    return None


def names_a_place(message: str, path: tuple[Any, ...]) -> bool:
    """Return whether a message names the place of a change: the key itself, or a reference to it."""
    words = {str(step) for step in path}
    return any(word in message for word in words) and "Traceback" not in message


def judge_broken(seed: int) -> str | None:
    options, path = broken(seed)
    message = readable_refusal(options)
    assert message is None or names_a_place(message, path), (path, message)
    assert message is None or all(len(line) < 600 for line in message.splitlines()), message
    return message


def judge_varied(seed: int) -> str | None:
    message = readable_refusal(varied(seed))
    # Some figures need what a variant has lost.
    assert message is None or any(f"{kind}." in message for kind in ("variants", "experiments", "figures")), message
    return message


@pytest.mark.long
@QUICK
@given(SEEDS)
def test_a_broken_study_is_refused_by_name_or_legal(seed: int) -> None:
    judge_broken(seed)


@pytest.mark.long
@QUICK
@given(SEEDS)
def test_any_composition_runs_or_is_refused(seed: int) -> None:
    judge_varied(seed)


@pytest.mark.slow
def test_five_thousand_broken_studies_are_refused_by_name() -> None:
    seeds = itertools.count()
    refused = 0
    while refused < BROKEN:
        refused += judge_broken(next(seeds)) is not None


@pytest.mark.slow
def test_two_thousand_legal_studies_are_expanded_into_their_jobs() -> None:
    seeds = itertools.count()
    legal = 0
    while legal < LEGAL:
        legal += judge_varied(next(seeds)) is None


@pytest.mark.long
def test_both_outcomes_occur() -> None:
    refused = [readable_refusal(broken(seed)[0]) is not None for seed in range(20)]
    legal = [readable_refusal(varied(seed)) is None for seed in range(40)]
    assert sum(refused) > 10
    assert any(legal)
