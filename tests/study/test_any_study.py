"""Any study is expanded into its jobs, or refused with a message that names the mistake.

Studies are made from the smoke study, which has every kind of experiment, figure and environment, by a few random
changes: parts are replaced by others, keys are misspelt or removed, values get a wrong type or size.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pg.core.errors import InvalidStudy
from pg.core.record import Job
from pg.study.expansion import cells
from pg.study.files import read_file
from pg.study.record import Study
from pg.study.slicing import measurement_job, train_job, tune_job
from pg.study.sources import places_of
from pg.study.validation import load

SMOKE = read_file(Path(__file__).parents[2] / "workflow/studies/smoke.yaml").options
# Arguments of gymnasium's environments would have each study validated twice, first in a process of its own.
PLAIN = copy.deepcopy(SMOKE)
del PLAIN["environments"]["humanoid"]["kwargs"]

# Values that are wrong for nearly every option, and values that may be legal.
WRONG: tuple[Any, ...] = ({"nested": {}}, [[]], -1, -0.5, "no such thing", float("nan"), float("inf"), 10**9, "", True)
FITTING: dict[str, tuple[Any, ...]] = {
    "returns": ("total", "to_go"),
    "baseline": (
        *("none", "average_reward", "leave_one_out", "per_step", "per_step_leave_one_out", "optimal"),
        {"name": "constant", "value": 0.5},
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

WAYS = ("wrong value", "misspelt", "removed")

Judge = Callable[[int], str | None]


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


def broken(seed: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Return the smoke study with one change that is likely to make it illegal, and the path of the change."""
    chance, options = random.Random(seed), copy.deepcopy(PLAIN)
    path = chance.choice([place for place in places(options) if "kwargs" not in place])
    *parents, key = path
    parent = at(options, tuple(parents))
    match chance.choice(WAYS if isinstance(key, str) else ("wrong value",)):
        case "misspelt":
            parent[misspelt(chance, key)] = parent.pop(key)
        case "removed":
            del parent[key]
        case _:
            parent[key] = copy.deepcopy(chance.choice(WRONG))
    return options, path


def varied(seed: int) -> dict[str, Any]:
    """Return the smoke study with other parts in some variants; a combination may be illegal."""
    chance, options = random.Random(seed), copy.deepcopy(PLAIN)
    for name in chance.sample(sorted(options["variants"]), 3):
        for part in chance.sample(sorted(FITTING), chance.randrange(1, 4)):
            options["variants"][name][part] = copy.deepcopy(chance.choice(FITTING[part]))
    # A measurement needs a policy of its source for every seed.
    count = chance.randrange(1, 30)
    for experiment in options["experiments"].values():
        experiment["seeds"] = {"count": count, "per_job": chance.randrange(1, 12)}
    return options


def jobs_of(study: Study, name: str) -> Iterator[Job]:
    blocks = study.experiments[name].seeds.blocks
    if name in study.training:
        for cell in cells(study, name):
            yield from (train_job(study, cell, block) for block in blocks)
            if cell.variant.is_tuned:
                yield tune_job(study, cell)
    else:
        for (environment, stage), block in itertools.product(places_of(study, name), blocks):
            yield measurement_job(study, name, environment, stage, block)


def expand(study: Study) -> int:
    """Make every job of a study and return their number."""
    return len([job.canonical() for name in study.experiments for job in jobs_of(study, name)])


def refusal_of(options: dict[str, Any]) -> str | None:
    """Return the message that refuses a study, or None if it is legal and its jobs can be made."""
    try:
        study = load(options)
    except InvalidStudy as error:
        return str(error)
    assert expand(study) > 0
    return None


def judge_broken(seed: int) -> str | None:
    """If a broken study is refused, check that the message names the changed key or a reference to it."""
    options, path = broken(seed)
    message = refusal_of(options)
    if message is not None:
        # Claims refer to `figures` by their key `figure`.
        names = (*map(str, path), *([".figure: "] if path == ("figures",) else []))
        assert any(name in message for name in names), (path, message)
        assert "Traceback" not in message
        assert all(len(line) < 600 for line in message.splitlines()), message
    return message


def judge_varied(seed: int) -> str | None:
    """If a varied study is refused, check that the message names a key; figures may need parts that variants lack.

    Two variants may become equal, so that a claim would compare a run with its copy.
    """
    message, expected = refusal_of(varied(seed)), ("variants.", "experiments.", "figures.", " has the same runs in ")
    assert message is None or any(one in message for one in expected), message
    return message


@pytest.mark.long
@settings(max_examples=120)
@given(st.integers(0, 2**32 - 1), st.sampled_from([judge_broken, judge_varied]))
def test_any_study_is_expanded_or_refused_by_name(seed: int, judge: Judge) -> None:
    judge(seed)


@pytest.mark.slow
@pytest.mark.parametrize(("judge", "refused", "count"), [(judge_broken, True, 5000), (judge_varied, False, 2000)])
def test_thousands_of_studies_are_expanded_or_refused(judge: Judge, refused: bool, count: int) -> None:
    found = (seed for seed in itertools.count() if (judge(seed) is not None) == refused)
    assert len(list(itertools.islice(found, count))) == count


@pytest.mark.long
def test_some_studies_are_expanded_and_some_refused() -> None:
    refused = [refusal_of(broken(seed)[0]) is not None for seed in range(20)]
    assert sum(refused) > 10
    assert any(refusal_of(varied(seed)) is None for seed in range(40))
