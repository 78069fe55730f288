"""Select the rows that a part of a claim compares, and pair them by environment, stage and seed.

Each side of a part is a selection of rows, or a family of candidates. A candidate is a tuned cell. For a family, each
environment uses the rows of its winner: the candidate with the best mean score on tuning seeds, at its chosen learning
rate. In a tie, the candidate declared first wins. Tuning seeds differ from the judged seeds, so choosing the winner
does not bias intervals and tests.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pg.claims.record import ClaimPart, Family, Selection
from pg.experiments.cells import level_value
from pg.experiments.train.choice import final_scores

PAIRED_BY = ("environment", "stage", "seed")


@dataclass(frozen=True, slots=True)
class Side:
    """The rows that a side of a part selects.

    Attributes
    ----------
    name
        a, b, zero or one.
    metric
        Name of the metric.
    selection
        The rows; None for a family.
    winners
        For a family: the winner in each environment.
    candidates
        For a family: the number of candidates times learning rates.
    """

    name: str
    metric: str
    selection: Selection | None
    winners: Mapping[str, Selection] = field(default_factory=dict)
    candidates: int = 0

    def label(self, environment: str) -> str:
        """Return the side's name in an environment: the variant, then its levels in brackets."""
        if self.selection is not None:
            return _label(self.selection)
        return f"[best of {self.candidates} candidates: {_label(self.winners[environment])}]"


def standings(choices: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> pd.DataFrame:
    """Return a row per tuned cell: its names, its mean score at the chosen learning rates, and the number of rates.

    Parameters
    ----------
    choices
        A pair per cell: its names (environment, variant and levels by column), and its choice in each selection.
    """
    rows = []
    for names, selections in choices:
        scores = [final_scores(choice).get(choice["learning_rate"], -math.inf) for choice in selections]
        levels = {column: level_value(value) for column, value in names.items()}
        rates = {one["learning_rate"] for choice in selections for one in choice["scores"]}
        rows.append({**levels, "score": statistics.fmean(scores), "rates": len(rates)})
    return pd.DataFrame(rows)


def joined(part: ClaimPart, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the frames of a part's experiments, with a column `experiment`."""
    return pd.concat([frames[name].assign(experiment=name) for name in dict.fromkeys(part.experiments.values())])


def rows_of(part: ClaimPart, table: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of the part's metrics in its environments and stages, or raise a ValueError if there are none."""
    # pandas reads names that look like numbers as numbers, and an empty stage as missing.
    names = ("environment", "variant", "stage", "metric")
    rows = table.assign(**{one: table[one].astype(object).where(table[one].notna(), "").astype(str) for one in names})
    metrics = dict.fromkeys(selection.get("metric", part.metric) for _, _, selection in part.selections)
    for column, wanted in (("metric", [*metrics]), ("environment", part.environments), ("stage", part.stages)):
        if missing := [name for name in wanted if name not in set(rows[column])]:
            found = ", ".join(rows[column].unique())
            raise ValueError(
                f"{part.experiment} has no {column} {', '.join(missing)} for {part.metric}; found: {found}"
            )
        # In the order in which they are declared.
        rows = pd.concat([rows[rows[column] == name] for name in wanted]) if wanted else rows
    return rows


def sides_of(part: ClaimPart, rows: pd.DataFrame, tuned: pd.DataFrame | None) -> dict[str, Side]:
    """Return the selection of each side of a part; a family has a winner in each environment of the part's rows.

    `tuned` is the result of `standings`, needed for families only. A candidate that matches no tuned cell, or several,
    raises a ValueError.
    """
    sides = {}
    for name, declared in part.sides.items():
        origin = {"experiment": part.experiments.get(name, part.experiment)}
        if isinstance(declared, Family):
            candidates = [origin | candidate for candidate in declared.best_of]
            sides[name] = _best_of(name, part.metric, candidates, rows["environment"].unique(), tuned)
        else:
            sides[name] = Side(name, declared.get("metric", part.metric), origin | declared)
    return sides


def _best_of(
    name: str, metric: str, candidates: Sequence[Selection], environments: Iterable[str], tuned: pd.DataFrame | None
) -> Side:
    if tuned is None:
        raise ValueError(f"{name}: the scores of its candidates on tuning seeds are missing")
    winners, rates = {}, 0
    for environment in environments:
        found = []
        for index, candidate in enumerate(candidates):
            at = f"{name}.best_of.{index}"
            cell = _matching(at, {"environment": environment} | candidate, tuned)
            if len(cell) > 1:
                raise ValueError(f"{at}: rows differ in {_differing_columns(cell, ['score', 'rates'])}; select one")
            found.append(cell.iloc[0])
        scores = [cell["score"] for cell in found]
        winners[environment] = candidates[scores.index(max(scores))]
        # The learning rates are the same in all environments.
        rates = int(sum(cell["rates"] for cell in found))
    return Side(name, metric, None, winners, rates)


def selected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of a side, or raise a ValueError that lists the values found if there are none."""
    rows = rows[rows["metric"] == side.metric]
    if side.selection is not None:
        return _matching(side.name, side.selection, rows)
    places = side.winners.items()
    return pd.concat([_matching(side.name, winner, rows[rows["environment"] == place]) for place, winner in places])


def pairs(sides: Mapping[str, Side], rows: pd.DataFrame) -> pd.DataFrame:
    """Return a column per side and a row per environment, stage and seed of a.

    A row of a that matches no row of another side, or several, raises a ValueError.
    """
    # If sides select different stages, rows are not paired by stage.
    keys = [key for key in PAIRED_BY if not any(key in (side.selection or {}) for side in sides.values())]
    values = {}
    for name, side in sides.items():
        chosen = selected(side, rows)
        if chosen.duplicated(keys).any():
            raise ValueError(f"{name}: rows differ in {_differing_columns(chosen, [*keys, 'value'])}; select one")
        values[name] = chosen.set_index(keys)["value"]
        missing = values["a"].index.difference(values[name].index, sort=False)
        if len(missing):
            first = in_words(dict(zip(keys, missing[0] if len(keys) > 1 else missing[:1], strict=True)))
            raise ValueError(f"{name}: no row to pair with {len(missing)} rows of a; the first is {first}")
    return pd.DataFrame({name: of_side.reindex(values["a"].index) for name, of_side in values.items()})


def by_case(pairs: pd.DataFrame) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame]]:
    """Yield each environment and stage with its pairs."""
    keys = [str(key) for key in pairs.index.names if key != "seed"]
    if not keys:
        yield {}, pairs
        return
    for names, case in pairs.groupby(level=keys, sort=False):
        yield dict(zip(keys, names if isinstance(names, tuple) else (names,), strict=True)), case


def in_words(keys: Mapping[str, Any]) -> str:
    """Return environment, stage and seed as text."""
    return ", ".join(f"seed {value}" if key == "seed" else str(value) for key, value in keys.items() if value != "")


def _matching(at: str, selection: Selection, rows: pd.DataFrame) -> pd.DataFrame:
    for column, value in selection.items():
        if column not in rows.columns:
            raise ValueError(f"{at}: no column {column}; columns are {', '.join(rows.columns)}")
        chosen = rows[_matches(rows[column], value)]
        if chosen.empty:
            found = ", ".join(map(str, rows[column].unique()))
            raise ValueError(f"{at}: no rows with {column} {value}; found: {found}")
        rows = chosen
    return rows


def _matches(column: pd.Series[Any], value: Any) -> pd.Series[bool]:
    """Compare with values that were read from CSV: numbers as numbers, everything else as text."""
    if value is None:
        return column.isna()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return pd.to_numeric(column, errors="coerce") == value
    return column.astype(str) == str(level_value(value))


def _differing_columns(rows: pd.DataFrame, ignored: list[str]) -> str:
    """Return the columns in which rows differ, with their values, as text."""
    differing = [column for column in rows.columns.difference(ignored, sort=False) if len(rows[column].unique()) > 1]
    return ", ".join(f"{column} ({', '.join(map(str, rows[column].unique()))})" for column in differing)


def _label(selection: Selection) -> str:
    levels = []
    for column, value in selection.items():
        if column not in ("variant", "experiment"):
            number = isinstance(value, int | float)
            levels.append(f"{column.rsplit('.', 1)[-1]} {str(value).replace('-', '−') if number else value}")
    if "variant" not in selection:
        return ", ".join(levels)
    return f"{selection['variant']} ({', '.join(levels)})" if levels else str(selection["variant"])
