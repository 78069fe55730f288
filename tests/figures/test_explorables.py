"""Explorables of all kinds of figure: legal specifications with the rows of their tables, and small."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import vl_convert
from pg.experiments.figures.lookup import FIGURES
from pg.experiments.figures.request import FigureRequest, explore
from tests.figures.studies import request, with_tables

KINDS = sorted(kind for kind, figure in FIGURES.items() if figure.play)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def requests() -> dict[str, FigureRequest[Any]]:
    return {kind: request(kind) for kind in KINDS}


def values_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in spec["datasets"].values() for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_specifications_compile_and_are_the_same_bytes_each_time(
    requests: dict[str, FigureRequest[Any]], kind: str
) -> None:
    made = explore(requests[kind]).as_json()
    compiled = vl_convert.vegalite_to_vega(made["spec"])

    assert json.dumps(made) == json.dumps(explore(requests[kind]).as_json())
    assert {control["name"] for control in made["controls"]} <= {signal["name"] for signal in compiled["signals"]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_is_read_by_the_chart_and_starts_at_one_of_its_values(
    requests: dict[str, FigureRequest[Any]], kind: str
) -> None:
    made = explore(requests[kind]).as_json()
    starts = {one["name"]: one["value"] for one in made["spec"].pop("params") if "value" in one}
    text = json.dumps(made["spec"])

    for control in made["controls"]:
        assert control["name"] in text
        assert len(control["labels"]) == len(control["values"]) > 0
        start = starts[control["name"]]
        assert start == [*control["values"]] if control["kind"] == "several" else start in control["values"]


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_have_three_digits(requests: dict[str, FigureRequest[Any]], kind: str) -> None:
    spec = explore(requests[kind]).as_json()["spec"]
    found = [value for row in values_of(spec) for value in row.values()]
    numbers = [value for one in found for value in (one if isinstance(one, list) else [one])]

    assert any(isinstance(value, int | float) for value in numbers)
    assert all(value == float(f"{value:.3g}") for value in numbers if isinstance(value, float))
    assert len(zlib.compress(json.dumps(spec).encode(), 9)) < 30_000


@pytest.mark.parametrize("kind", KINDS)
def test_undefined_numbers_are_null(requests: dict[str, FigureRequest[Any]], kind: str) -> None:
    one = requests[kind]
    lost = {}
    for name, table in one.tables.items():
        columns = [
            column for column in ("estimate", "ci_low", "ci_high", "value", "weight", "return") if column in table
        ]
        half = table.index % 2 == 0
        lost[name] = table.assign(**{column: table[column].mask(half) for column in columns})
    spec = explore(replace(one, tables=lost)).as_json()["spec"]

    vl_convert.vegalite_to_vega(json.loads(json.dumps(spec, allow_nan=False)))


def test_labels_with_quotes_are_text() -> None:
    one = request("variance")
    name = one.drawn[0]
    label = 'it\'s "R" \\ <b>'
    quoted = one.variants[name].model_copy(update={"label": label})
    changed = replace(one, variants={**one.variants, name: quoted})
    made = explore(changed).as_json()

    assert label in next(control["labels"] for control in made["controls"] if control["name"] == "shown")
    vl_convert.vegalite_to_svg(made["spec"])


def test_figures_that_are_pictures_alone_do_not_import_altair() -> None:
    read = "import sys, pg.report.figures; sys.exit('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", read], check=False).returncode == 0


def test_curves_keep_the_ends_of_every_variants_own_steps() -> None:
    one = request("learning_curves")
    grids = {"total": range(100, 60_001, 100), "average": range(70, 60_000, 70), "to_go": [20_000, 60_000]}
    tables = {}
    for name in ("curves", "means"):
        table = one.tables[name]
        first = table.drop_duplicates([*({"environment", "variant", "seed"} & set(table.columns))])
        tables[name] = pd.concat(
            [first[first["variant"] == variant].assign(steps=step) for variant, grid in grids.items() for step in grid]
        )
    spec = explore(with_tables(one, **tables)).as_json()["spec"]
    curves = [row for row in values_of(spec) if isinstance(row.get("steps"), list)]

    for variant, grid in grids.items():
        steps = {tuple(row["steps"]) for row in curves if row["variant"] == variant}
        assert [(found[0], found[-1]) for found in steps] == [(grid[0], grid[-1])]
        assert len(next(iter(steps))) == min(24, len(grid))
