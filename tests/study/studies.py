"""The studies of the repository, changes to the small study, and tables of changes with their refusals."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.core.errors import InvalidStudy
from pg.study.record import Study
from pg.study.validation import load, read

ROOT = Path(__file__).parents[2]
FILES = ("config.yaml", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "workflow/studies").glob("*.yaml")))


@cache
def study_of(file: str) -> Study:
    """Read a study of the repository; it is frozen, and tests share it."""
    return read(ROOT / file)


def put(options: dict[str, Any], path: str, value: Any) -> None:
    *parents, key = path.split("/")
    for parent in parents:
        options = options.setdefault(parent, {})
    options[key] = value


def with_added(options: dict[str, Any], added: str) -> dict[str, Any]:
    """Add entries in YAML to a study; mappings are merged."""

    def merge(below: dict[str, Any], above: dict[str, Any]) -> None:
        for key, value in above.items():
            if isinstance(value, dict) and isinstance(below.get(key), dict):
                merge(below[key], value)
            else:
                below[key] = value

    merge(options, yaml.safe_load(added))
    return options


def refusals(table: str) -> pytest.MarkDecorator:
    """Parametrize a test by lines `path: value => message`, with the value in YAML; an indented line continues a row.

    A message that begins with a point or a colon follows the path; `…` matches any text.
    """
    rows = re.sub(r"\n +", " ", table.strip()).splitlines()
    matches = [re.fullmatch(r"(\S+): (.*?) => (.*)", row) for row in rows]
    assert all(matches), [row for row, match in zip(rows, matches, strict=True) if match is None]
    cases = [(match[1], yaml.safe_load(match[2]), match[3]) for match in matches if match]
    return pytest.mark.parametrize(("path", "value", "message"), cases, ids=[f"{row:.60}" for row in rows])


def assert_refused(options: dict[str, Any], path: str, value: Any, message: str) -> None:
    put(options, path, value)
    expected = path.replace("/", ".") + message if message[0] in ".:" else message
    refused(options, ".*".join(map(re.escape, expected.split("…"))))


def refused(options: dict[str, Any], pattern: str = ".") -> tuple[str, ...]:
    """Return the problems of a study; check that it is refused with a message that matches."""
    with pytest.raises(InvalidStudy, match=pattern) as error:
        load(options)
    return error.value.problems


def changed(options: dict[str, Any], path: str, value: str) -> dict[str, Any]:
    """Put a value, written as YAML, and return the options."""
    put(options, path, yaml.safe_load(value))
    return options


def with_reuse(options: dict[str, Any]) -> dict[str, Any]:
    """Add experiments on data of an earlier policy, and a claim on one of them."""
    return with_added(
        options,
        """
        environments:
          short: {id: CartPole-v1, horizon: 50}
        variants:
          walker: {optimizer: {name: sgd, learning_rate: 0.1}}
          per_step: {importance: per_step}
          exact_state: {importance: exact_state}
          windowed: {importance: trajectory, window: {batches: 4}, optimizer: {learning_rate: 0.1}}
          natural: {kl: {limit: 0.01, hold_by: natural_gradient}}
        experiments:
          learn: {environments: [cartpole, short]}
          stale:
            kind: staleness
            environments: [short]
            variants: [per_step]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
            walk: {variant: walker, steps: [0, 4]}
            sample: {trajectories: 64, batches: [8], reference: 64, reference_limit: 64}
          latest:
            kind: window
            environments: [short]
            variants: [windowed]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
            path: {variant: walker, iterations: 3}
            sample: {trajectories: 64, batches: [8], reference: 64, reference_limit: 64}
          weights:
            kind: horizon
            environments: [short]
            variants: [per_step]
            seeds: {count: 2}
            source: {experiment: learn, variant: to_go, stages: [late]}
            horizons: [10, 50]
            kl: 0.01
        claims:
          causality:
            parts:
              far:
                experiment: stale
                metric: cosine
                a: {variant: per_step, steps: 4}
                b: {variant: per_step, steps: 0}
                relation: less
              long:
                experiment: weights
                metric: effective_share
                a: {variant: per_step, horizon: 50}
                b: {variant: per_step, horizon: 10}
                relation: less
        """,
    )
