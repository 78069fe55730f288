"""Select the rows that a part of a claim compares, and pair them by environment, stage and seed.

Each side of a part is a selection of rows, or a family of candidates. A candidate is a tuned cell. For a family, each
environment uses the rows of its winner: the candidate with the best mean score on tuning seeds, at its chosen learning
rate. In a tie, the candidate declared first wins. Tuning seeds differ from the judged seeds, so choosing the winner
does not bias intervals and tests.

If learning rates were selected several times (`pg.experiments.selections`), the runs of a selection are a group, and a
family has a winner for each selection: its rows are those of the runs that use this selection's rates. Pairs that share
a selection of either side, directly or through other pairs, depend on each other: the groups of pairs are the connected
components.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from pg.claims.record import ClaimPart, Family, Selection
from pg.experiments.cells import level_value
from pg.experiments.selections import SELECTION
from pg.experiments.train.choice import final_scores
from pg.plotting import text
from pg.statistics.intervals import Array

PAIRED_BY = ("environment", "stage", "seed")
GROUP = "group"
"""Column of pairs with the number of their group; NaN if every seed is independent."""

Winners = Mapping[float | None, Selection]
"""The winner of a family by the selection of learning rates; the only one has the key None."""


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
        For a family: the winners in each environment.
    candidates
        For a family: the number of candidates times learning rates in each environment.
    """

    name: str
    metric: str
    selection: Selection | None
    winners: Mapping[str, Winners] = field(default_factory=dict)
    candidates: Mapping[str, int] = field(default_factory=dict)

    def label(self, environment: str) -> str:
        """Return the side's name in an environment: the variant, then its levels in brackets."""
        if self.selection is not None:
            return _label(self.selection)
        won = Counter(_label(winner) for winner in self.winners[environment].values())
        names = [f"{name} in {count} of {won.total()} selections" for name, count in won.most_common()]
        names = list(won) if len(won) == 1 else names
        return f"[best of {self.candidates[environment]} candidates: {', '.join(names)}]"


def standings(choices: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> pd.DataFrame:
    """Return a row per tuned cell and selection: names, mean score at the chosen learning rate, and number of rates.

    The column `selection` has the number of the selection; it is empty if there is only one.

    Parameters
    ----------
    choices
        A pair per cell: its names (environment, variant and levels by column), and its choice in each selection.
    """
    rows = []
    for names, selections in choices:
        levels = {column: level_value(value) for column, value in names.items()}
        for selection, choice in enumerate(selections):
            score = final_scores(choice).get(choice["learning_rate"], -math.inf)
            rates = len({one["learning_rate"] for one in choice["scores"]})
            which = selection if len(selections) > 1 else np.nan
            rows.append({**levels, SELECTION: which, "score": score, "rates": rates})
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
    winners, rates = {}, {}
    for environment in environments:
        found = []
        for index, candidate in enumerate(candidates):
            at = f"{name}.best_of.{index}"
            cell = _matching(at, {"environment": environment} | candidate, tuned)
            if cell.duplicated(SELECTION).any():
                differing = _differing_columns(cell, [SELECTION, "score", "rates"])
                raise ValueError(f"{at}: rows differ in {differing}; select one")
            found.append(cell.set_index(SELECTION))
        scores = pd.DataFrame([cell["score"] for cell in found])
        if scores.isna().any(axis=None):
            raise ValueError(f"{name}.best_of: the candidates have different selections of their learning rates")
        numbers = scores.columns.to_numpy(dtype=np.float64)
        best = scores.to_numpy(dtype=np.float64).argmax(axis=0)
        winners[environment] = {
            None if np.isnan(which) else which: candidates[index] for which, index in zip(numbers, best, strict=True)
        }
        # Selections may extend their grids.
        rates[environment] = int(sum(cell["rates"].max() for cell in found))
    return Side(name, metric, None, winners, rates)


def selected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of a side, or raise a ValueError that lists the values found if there are none."""
    rows = rows[rows["metric"] == side.metric]
    if side.selection is not None:
        return _matching(side.name, side.selection, rows)
    return pd.concat(
        [
            _matching(
                side.name, winner | ({} if which is None else {SELECTION: which}), rows[rows["environment"] == at]
            )
            for at, winners in side.winners.items()
            for which, winner in winners.items()
        ]
    )


def pairs(sides: Mapping[str, Side], rows: pd.DataFrame) -> pd.DataFrame:
    """Return a column per side and a row per environment, stage and seed of a, and the group of each row.

    A row of a that matches no row of another side, or several, raises a ValueError.
    """
    # If sides select different stages, rows are not paired by stage.
    keys = [key for key in PAIRED_BY if not any(key in (side.selection or {}) for side in sides.values())]
    found = {}
    for name, side in sides.items():
        chosen = selected(side, rows)
        found[name] = chosen.set_index(keys)
        if not found[name].index.is_unique:
            differing = _differing_columns(chosen, [*keys, SELECTION, "value"])
            raise ValueError(f"{name}: rows differ in {differing}; select one")
    index = found["a"].index
    for name, of_side in found.items():
        missing = index[~index.isin(of_side.index)]
        if len(missing):
            first = in_words(dict(zip(keys, missing[0] if len(keys) > 1 else missing[:1], strict=True)))
            raise ValueError(f"{name}: no row to pair with {len(missing)} rows of a; the first is {first}")
    in_order = {name: of_side.reindex(index) for name, of_side in found.items()}
    shared = {name: of_side[SELECTION] for name, of_side in in_order.items() if SELECTION in of_side}
    paired = pd.DataFrame({name: of_side["value"] for name, of_side in in_order.items()})
    return paired.assign(**{GROUP: _groups(pd.DataFrame(shared, index).astype("float64"))})


def _groups(selections: pd.DataFrame) -> Array:
    """Return the number of each pair's group (n,) in its environment and stage, from the selections of each side."""
    groups, keys = np.full(len(selections), np.nan), [key for key in selections.index.names if key != "seed"]
    places = selections.groupby(level=keys).indices.values() if keys else [np.arange(len(selections))]
    for place in places:
        of_sides = selections.to_numpy()[place]
        if not np.isnan(of_sides).all():
            # NaN, where a side is not tuned, equals nothing.
            groups[place] = connected_components((of_sides[:, None] == of_sides).any(-1))[1]
    return groups


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
    named_apart = ("variant", "experiment")
    levels = ", ".join(text.in_words(column, one) for column, one in selection.items() if column not in named_apart)
    if "variant" not in selection:
        return levels
    return f"{selection['variant']} ({levels})" if levels else str(selection["variant"])
