"""Whether variants were tuned alike: what the report says of every learning rate that was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pandas import DataFrame

from pg.presentation.captions import at_levels, counted
from pg.presentation.compared import at_level
from pg.study.expansion import Cell, cells, is_tuned, tuned_experiments
from pg.study.labels import environment_label, label
from pg.study.model.study import Study


@dataclass(frozen=True, slots=True)
class TunedRate:
    """A learning rate that tuning chose, with what may be wrong with the choice.

    Attributes
    ----------
    experiment, environment, variant
        The experiment's name, the others' labels, with their level where one is swept.
    learning_rate
        The chosen rate.
    candidates, seeds
        How many rates it was chosen from, each on how many tuning seeds.
    flags
        What a reader has to know, in words: an optimum at an edge of the grid, more or fewer candidates than the other
        variants of the experiment have, a tuning run that was also evaluated.
    """

    experiment: str
    environment: str
    variant: str
    learning_rate: float
    candidates: int
    seeds: int
    flags: tuple[str, ...]


def read_tuned(
    study: Study, choices: Sequence[Mapping[str, Any]], tables: Mapping[str, DataFrame]
) -> tuple[TunedRate, ...]:
    """Judge the tuning records of a study.

    Streams of random numbers are apart by construction. What is checked is what came out: a tuning run that is the
    same as one of the evaluated runs has the same area under its learning curve, to the last digit.

    Parameters
    ----------
    study
        The study.
    choices
        The records, in the order of experiments and cells: `learning_rate`, `at_edge` and `scores`, a list of
        `learning_rate`, `seed`, `score`.
    tables
        Long tables by tuned experiment.
    """
    tuned = [cell for name in tuned_experiments(study) for cell in cells(study, name) if is_tuned(cell)]
    paired = list(zip(tuned, choices, strict=True))
    usual = {
        name: Counter(_tried(choice) for cell, choice in paired if cell.experiment == name).most_common(1)[0][0]
        for name in tables
    }
    return tuple(
        TunedRate(
            cell.experiment,
            _named(environment_label(study, cell.environment_name), cell, "environment"),
            _named(label(study, cell.variant_name), cell, "variant"),
            choice["learning_rate"],
            *_tried(choice),
            flags=tuple(_flags(choice, usual[cell.experiment], _areas(cell, tables[cell.experiment]))),
        )
        for cell, choice in paired
    )


def _named(name: str, cell: Cell, of: Literal["environment", "variant"]) -> str:
    """Name the environment or the variant of a cell at its own levels."""
    return at_levels(name, {path: value for path, value in cell.levels.items() if path.startswith(f"{of}.")})


def _tried(choice: Mapping[str, Any]) -> tuple[int, int]:
    """Count the rates of a record, and its seeds."""
    rates, seeds = ({score[key] for score in choice["scores"]} for key in ("learning_rate", "seed"))
    return len(rates), len(seeds)


def _flags(choice: Mapping[str, Any], usual: tuple[int, int], evaluated: set[float]) -> Iterator[str]:
    if choice["at_edge"]:
        yield "edge of the grid"
    if _tried(choice) != usual:
        yield f"others have {counted(usual[0], 'candidate')} on {counted(usual[1], 'seed')}"
    chosen = [one["score"] for one in choice["scores"] if one["learning_rate"] == choice["learning_rate"]]
    if again := sum(score in evaluated for score in chosen):
        yield f"{counted(again, 'tuning run')} evaluated too"


def _areas(cell: Cell, table: DataFrame) -> set[float]:
    """Collect the areas under the learning curves of a cell's evaluated runs."""
    rows = table.loc[
        (table["metric"] == "area")
        & (table["environment"].astype(str) == cell.environment_name)
        & (table["variant"].astype(str) == cell.variant_name)
    ]
    return {float(value) for value in at_level(rows, cell.levels)["value"]}
