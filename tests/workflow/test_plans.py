"""Snakemake itself plans every job of a legal study, and says of a broken one what the study's own reading says."""

import itertools
import re
from typing import Any

import pytest
from pg.experiments.registry import KINDS
from pg.study.validation import load
from tests.study.test_any_study import SMOKE, WAYS, broken, expand, readable_refusal, varied
from tests.workflow.checkout import Checkout, checkout

EXPERIMENTS = {options["kind"]: name for name, options in SMOKE["experiments"].items()}
"""Of every kind one."""

BROKEN = list(zip(sorted(EXPERIMENTS), itertools.cycle(WAYS)))
JOBS = ("train", "train_evaluated", "tune", "measure", "measure_poses")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout for plans alone: nothing runs in it."""
    return checkout(tmp_path_factory.mktemp("plans"))


def first_refused(kind: str, way: str) -> tuple[dict[str, Any], str]:
    """Return the smoke study with an experiment broken in one way, and what refuses it."""
    for seed in itertools.count():
        options, (*_, key) = broken(seed, ("experiments", EXPERIMENTS[kind]), (way,))
        message = readable_refusal(options)
        if message is not None and isinstance(key, str):
            return options, message
    raise AssertionError


def legal(count: int) -> list[dict[str, Any]]:
    varieties = map(varied, itertools.count())
    return list(itertools.islice((one for one in varieties if readable_refusal(one) is None), count))


def test_the_smoke_study_has_an_experiment_of_every_kind() -> None:
    assert set(EXPERIMENTS) == set(KINDS)


@pytest.mark.parametrize("options", [SMOKE, *legal(1)], ids=["smoke", "varied"])
def test_every_job_of_a_legal_study_is_planned(options: dict[str, Any], place: Checkout) -> None:
    place.write(options)
    plan = place.planned()
    assert sum(plan.get(rule, 0) for rule in JOBS) == expand(load(options))


@pytest.mark.parametrize(("kind", "way"), BROKEN, ids=lambda what: what.replace(" ", "-"))
def test_an_experiment_of_any_kind_with_one_thing_wrong_is_refused_in_one_message(
    kind: str, way: str, place: Checkout
) -> None:
    options, message = first_refused(kind, way)
    place.write(options)
    done = place.run("-n")
    # Unlike the mapping that `load` was given, the file has lines.
    said = re.sub(r"config\.yaml:\d+: ", "", done.stdout + done.stderr).splitlines()
    assert done.returncode == 1
    assert [line for line in said if not line.startswith("Using workflow specific profile")] == message.splitlines()
