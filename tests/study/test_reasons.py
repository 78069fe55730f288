"""What changed since a job ran is named by its key."""

import json
from pathlib import Path

import pytest
from pg.study.reasons import changes

RECORD = {"budget": {"steps": 500}, "variant": {"returns": "total", "batch": 8}, "seeds": [0, 1]}


def recorded(record: object, code: str = "0123456789abcdef") -> set[str]:
    """Return parameters as Snakemake records them."""
    return {repr(json.dumps(record)), repr(code)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": {"steps": 600}}, "budget.steps: 500 → 600"),
        ({"seeds": [0, 1, 2]}, "seeds: [0, 1] → [0, 1, 2]"),
        ({"budget": {}}, "budget.steps: removed"),
        ({"kl": None}, "kl: added"),
        ({"variant": {"returns": "to_go", "batch": 4}}, "variant.returns: total → to_go; variant.batch: 8 → 4"),
    ],
)
def test_the_key_that_changed_is_named_with_both_values(changed: dict[str, object], said: str) -> None:
    before, now = recorded(RECORD), recorded(RECORD | changed)

    assert changes(before - now, now - before) == said


def test_files_of_code_that_are_newer_are_named() -> None:
    before, now = recorded(RECORD), recorded(RECORD, "fedcba9876543210")
    newer = [Path(f"pg/{name}.py") for name in "abcde"]

    assert changes(before - now, now - before) == "code"
    assert changes(before - now, now - before, newer) == "code (pg/a.py, pg/b.py, pg/c.py and 2 more)"


def test_other_parameters_and_long_values_are_short() -> None:
    assert changes({"'Using causality'"}, {"'Recap'"}) == "other parameters"
    long = changes(recorded({"a": "x" * 100}), recorded({"a": "y"}))
    assert long == f"a: {'x' * 39}… → y"
