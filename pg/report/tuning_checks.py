"""Check the choice of every learning rate: ties, edges of the grid, unequal numbers of candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pg.experiments.cells import Cell
from pg.experiments.train.scores import all_tie
from pg.plotting.text import at_levels, counted
from pg.study.expansion import cells, tuned_experiments
from pg.study.record import Study


@dataclass(frozen=True, slots=True)
class TunedRate:
    """A learning rate that tuning chose, with remarks.

    Attributes
    ----------
    experiment, environment, variant
        Name of the experiment; labels of environment and variant, with their levels.
    learning_rate
        The chosen rate.
    candidates, seeds
        Number of rates tried, and of tuning seeds for each.
    flags
        Remarks: all rates tie, the optimum is at an edge of the grid, other variants of the experiment have more or
        fewer candidates.
    """

    experiment: str
    environment: str
    variant: str
    learning_rate: float
    candidates: int
    seeds: int
    flags: tuple[str, ...]


def read_tuned(study: Study, choices: Sequence[Mapping[str, Any]]) -> tuple[TunedRate, ...]:
    """Check the tuning records of a study.

    Parameters
    ----------
    study
        The study.
    choices
        The records, in the order of experiments and cells: `learning_rate`, `at_edge` and `scores`, a list of
        `learning_rate`, `seed`, `score`.
    """
    names = tuned_experiments(study)
    tuned = [cell for name in names for cell in cells(study, name) if cell.variant.is_tuned]
    paired = list(zip(tuned, choices, strict=True))
    usual = {
        name: Counter(_tried(choice) for cell, choice in paired if cell.experiment == name).most_common(1)[0][0]
        for name in names
    }
    return tuple(
        TunedRate(
            cell.experiment,
            _named(study.environment_label(cell.environment_name), cell, "environment"),
            _named(study.variant_label(cell.variant_name), cell, "variant"),
            choice["learning_rate"],
            *_tried(choice),
            flags=tuple(_flags(choice, usual[cell.experiment])),
        )
        for cell, choice in paired
    )


def _named(name: str, cell: Cell, of: Literal["environment", "variant"]) -> str:
    """Return the label of the environment or the variant, with its levels."""
    return at_levels(name, {path: value for path, value in cell.levels.items() if path.startswith(f"{of}.")})


def _tried(choice: Mapping[str, Any]) -> tuple[int, int]:
    """Return the numbers of rates and of seeds in a record."""
    rates, seeds = ({score[key] for score in choice["scores"]} for key in ("learning_rate", "seed"))
    return len(rates), len(seeds)


def _flags(choice: Mapping[str, Any], usual: tuple[int, int]) -> Iterator[str]:
    if all_tie(choice["scores"]):
        yield "all rates tie: tuning cannot rank them"
    elif choice["at_edge"]:
        yield "edge of the grid"
    if _tried(choice) != usual:
        yield f"other variants have {counted(usual[0], 'candidate')} on {counted(usual[1], 'seed')}"
