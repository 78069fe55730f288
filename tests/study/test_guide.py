"""docs/studies.md agrees with the code."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pg.environments.catalogue import trajectories_of
from pg.experiments.exact.options import ExactOptions
from pg.experiments.figures.lookup import FIGURES
from pg.experiments.registry import KINDS
from pg.parts.registry import BASELINES, CORRECTIONS, LIMITS, RETURNS, STARTS, WINDOWS
from pg.parts.variant import Variant
from pg.study.schema import own_keys, shown_by
from pg.study.validation import load
from pg.study.warnings import warnings_of
from pydantic import BaseModel

GUIDE = Path("docs/studies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FIGURES)
def test_the_guide_says_what_each_kind_of_figure_shows_and_takes(name: str) -> None:
    kind = FIGURES[name]
    experiments = [f"`{one}`" for one, experiment in KINDS.items() if name in experiment.figures]
    keys = [f"`{key}`" for key in own_keys(name, kind)]

    assert f"\n| {', '.join(experiments)} | `{name}` | {shown_by(kind)} | {', '.join(keys)} |\n" in GUIDE


EXAMPLE = next(yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL) if "gait" in block)

SHARED = ("source", "sample.", "sweep")


def keys_of(record: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of a record, and those of the records in them, as dotted paths."""
    for name, field in record.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        records = [one for one in inner if issubclass(one, BaseModel)]
        yield from (f"{name}.{key}" for one in records for key in keys_of(one)) if records else (name,)


def keys_in(mapping: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of nested mappings as dotted paths, and those of every mapping inside."""
    for key, value in mapping.items():
        yield key
        yield from (f"{key}.{path}" for path in (keys_in(value) if isinstance(value, dict) else ()))


def test_the_example_with_all_kinds_of_experiment_is_legal() -> None:
    study = load({"name": "Example", **EXAMPLE})

    assert {one.kind for one in study.experiments.values()} == set(KINDS)
    assert [*warnings_of(study)] == []


def test_the_example_of_a_share_is_a_legal_part_of_a_claim() -> None:
    (part,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(half_of.*?)```", GUIDE, re.DOTALL))
    claim = {"statement": "It gains half.", "figure": "drawn", "primary": "half_of_the_way", "parts": part}
    figures = {"drawn": {"kind": "achieved_share", "experiment": "gradients"}}

    load({"name": "Example", **EXAMPLE, "figures": figures, "claims": {"half": claim}})


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_has_every_key_of_each_kind_of_experiment(kind: str) -> None:
    shown = [keys_in(one) for one in EXAMPLE["experiments"].values() if one["kind"] == kind]
    found = {key for keys in shown for key in keys} | {f"seeds.{key}" for key in keys_in(EXAMPLE["seeds"]["train"])}
    # Keys of several kinds are shown once.
    shared = {key for one in EXAMPLE["experiments"].values() for key in keys_in(one) if key.startswith(SHARED)}

    assert {*keys_of(KINDS[kind])} - found - shared == set()


def test_the_guide_says_how_many_batches_an_enumeration_has() -> None:
    study = load({"name": "Example", **EXAMPLE})
    lake, chain = (study.environments[name] for name in ("lake", "chain"))
    slippery = lake.model_copy(update={"kwargs": {**lake.kwargs, "is_slippery": True}})
    trajectories = trajectories_of(lake), trajectories_of(chain), trajectories_of(slippery)
    batches = trajectories[0] ** 2, trajectories[1] ** 3
    limit = ExactOptions().limit

    assert max(batches) <= limit < trajectories[0] ** 3
    said = re.search(r"exact`\.\*\*(.*?)\n\n", GUIDE, re.DOTALL)
    assert said is not None
    assert {*trajectories, *batches} <= {int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", said[1])}


def test_the_guide_has_the_default_of_every_option_of_a_variant() -> None:
    table = GUIDE[GUIDE.index("\n| default | of |\n") :].partition("\n\n")[0]
    rows = [re.findall("`(.*?)`", row) for row in table.splitlines()[3:]]
    defaults = {option: yaml.safe_load(value) for value, *options in rows for option in options}

    assert {*defaults} == {*Variant.model_fields} - {"label"}
    assert [option for option, value in defaults.items() if Variant(**{option: value}) != Variant()] == []


def options_of_parts() -> Iterator[str]:
    """Yield a row for each option of the parts, with all parts that have it with one default."""
    families = (RETURNS, BASELINES, CORRECTIONS, WINDOWS, LIMITS, STARTS)
    owners: dict[tuple[str, str, str], list[str]] = {}
    for part in (part for family in families for part in family):
        name, *options = part.model_fields.items()
        for key, field in options:
            default = "required" if field.is_required() else f"`{json.dumps(dumped(field.default))}`"
            row = (field.alias or key, default, field.description or "")
            owners.setdefault(row, []).append(f"`{name[1].default}`")
    for (key, default, meaning), names in owners.items():
        yield f"| {', '.join(names)} | `{key}` | {default} | {meaning} |"


def dumped(default: object) -> object:
    return next(iter(default.model_dump().values())) if isinstance(default, BaseModel) else default


@pytest.mark.parametrize("row", [*options_of_parts()])
def test_the_guide_has_every_option_of_the_parts(row: str) -> None:
    assert f"\n{row}\n" in GUIDE
