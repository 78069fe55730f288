"""Whether variants were tuned alike: what the report says of every learning rate that was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pg.experiments.cells import Cell
from pg.experiments.train.scores import all_tie
from pg.plotting.text import at_levels, counted
from pg.study.expansion import cells, is_tuned, tuned_experiments
from pg.study.labels import environment_label, label
from pg.study.record import Study


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
        What a reader has to know, in words: rates that all tie, an optimum at an edge of the grid, more or fewer
        candidates than the other variants of the experiment have.
    """

    experiment: str
    environment: str
    variant: str
    learning_rate: float
    candidates: int
    seeds: int
    flags: tuple[str, ...]


def read_tuned(study: Study, choices: Sequence[Mapping[str, Any]]) -> tuple[TunedRate, ...]:
    """Judge the tuning records of a study.

    Parameters
    ----------
    study
        The study.
    choices
        The records, in the order of experiments and cells: `learning_rate`, `at_edge` and `scores`, a list of
        `learning_rate`, `seed`, `score`.
    """
    names = tuned_experiments(study)
    tuned = [cell for name in names for cell in cells(study, name) if is_tuned(cell)]
    paired = list(zip(tuned, choices, strict=True))
    usual = {
        name: Counter(_tried(choice) for cell, choice in paired if cell.experiment == name).most_common(1)[0][0]
        for name in names
    }
    return tuple(
        TunedRate(
            cell.experiment,
            _named(environment_label(study, cell.environment_name), cell, "environment"),
            _named(label(study, cell.variant_name), cell, "variant"),
            choice["learning_rate"],
            *_tried(choice),
            flags=tuple(_flags(choice, usual[cell.experiment])),
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


def _flags(choice: Mapping[str, Any], usual: tuple[int, int]) -> Iterator[str]:
    if all_tie(choice["scores"]):
        yield "all rates tie: nothing was learned from tuning"
    elif choice["at_edge"]:
        yield "edge of the grid"
    if _tried(choice) != usual:
        yield f"others have {counted(usual[0], 'candidate')} on {counted(usual[1], 'seed')}"
