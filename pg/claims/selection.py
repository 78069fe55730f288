"""Which rows of a table a part of a claim compares, and how they are paired.

A side of a part is a selection of rows, or a family of candidates, each of them a tuned cell. Of a family the side
holds, in each environment, the rows of the winner: the candidate whose chosen learning rate has the best mean score on
tuning seeds; of equals, the one declared first. The winner is known before a row that is judged, from a stream of seeds
of its own, so that intervals and tests are those of one selection.

Rows of the two sides are paired by environment, stage and seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pg.claims.record import ClaimPart, Family, Selection
from pg.experiments.cells import level_value
from pg.experiments.train.scores import mean_score

PAIRED_BY = ("environment", "stage", "seed")
_NAMES = ("environment", "variant", "stage", "metric")


@dataclass(frozen=True, slots=True)
class Side:
    """What a side of a part selects.

    Attributes
    ----------
    name
        As in the study: a, b, zero or one.
    metric
        The metric's name.
    selection
        The rows; None where they are those of a family's winners.
    winners
        Of a family, the winner by environment.
    candidates
        Of a family, the number of candidates, each at each rate of the grid.
    """

    name: str
    metric: str
    selection: Selection | None
    winners: Mapping[str, Selection] = field(default_factory=dict)
    candidates: int = 0

    def selects(self, column: str) -> bool:
        """Tell whether the side names a value of the column itself."""
        return self.selection is not None and column in self.selection

    def called(self, environment: str) -> str:
        """Name the side in an environment: the variant, then its levels in brackets."""
        if self.selection is not None:
            return _called(self.selection)
        return f"[best of {self.candidates} candidates: {_called(self.winners[environment])}]"


def standings(choices: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> pd.DataFrame:
    """Lay out what tuned cells reached on their tuning seeds.

    Parameters
    ----------
    choices
        Each cell's environment, variant and levels by column, with its record: `learning_rate` and `scores`, a list of
        `learning_rate`, `seed`, `score`.

    Returns
    -------
    DataFrame
        The columns of the cells' names, score (the chosen rate's mean), rates (how many it was chosen from); a row per
        cell.
    """
    return pd.DataFrame(
        [
            {
                **{column: level_value(value) for column, value in names.items()},
                "score": mean_score(_scores_of_choice(choice)),
                "rates": len({score["learning_rate"] for score in choice["scores"]}),
            }
            for names, choice in choices
        ]
    )


def _scores_of_choice(choice: Mapping[str, Any]) -> list[float | None]:
    return [score["score"] for score in choice["scores"] if score["learning_rate"] == choice["learning_rate"]]


def joined(part: ClaimPart, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join what the experiments of a part's sides hold; a column `experiment` tells them apart."""
    return pd.concat([frames[name].assign(experiment=name) for name in dict.fromkeys(part.experiments.values())])


def rows_of(part: ClaimPart, table: pd.DataFrame) -> pd.DataFrame:
    """Select the metric's rows in the environments and stages that the part names.

    Raises
    ------
    ValueError
        If the table holds none.
    """
    # Names that look like numbers, and empty stages, do not survive CSV as text.
    text = {column: table[column].astype(object).where(table[column].notna(), "").astype(str) for column in _NAMES}
    rows = table.assign(**text)
    metrics = tuple(dict.fromkeys(_metric(part, declared) for declared in _declared(part).values()))
    for column, wanted in (("metric", metrics), ("environment", part.environments), ("stage", part.stages)):
        missing = [name for name in wanted if name not in set(rows[column])]
        if missing:
            there = ", ".join(rows[column].unique())
            gone = ", ".join(missing)
            raise ValueError(f"{part.experiment} has no {column} {gone} for {part.metric}; there {column} is {there}")
        rows = rows[rows[column].isin(wanted)] if wanted else rows
    return rows


def sides_of(part: ClaimPart, rows: pd.DataFrame, tuned: pd.DataFrame | None) -> dict[str, Side]:
    """Decide what each side of a part selects, one of them perhaps a metric of its own.

    Parameters
    ----------
    part
        The part.
    rows
        Its rows, in whose environments families are decided.
    tuned
        Standings of the experiment's tuned cells; needed by families only.

    Raises
    ------
    ValueError
        If a candidate has no standing, or more than one.
    """
    environments = rows["environment"].unique()
    return {name: _side(name, part, declared, environments, tuned) for name, declared in _declared(part).items()}


def _side(
    name: str, part: ClaimPart, declared: Selection | Family, environments: Iterable[str], tuned: pd.DataFrame | None
) -> Side:
    if not isinstance(declared, Family):
        return Side(name, _metric(part, declared), declared)
    if tuned is None:
        raise ValueError(f"{name}: the scores of its candidates on tuning seeds are missing")
    places = {environment: _standings_of(name, declared, tuned, environment) for environment in environments}
    # The first of equals wins.
    winners = {environment: declared.best_of[int(found["score"].argmax())] for environment, found in places.items()}
    # Every environment has the same grid.
    candidates = int(next(iter(places.values()))["rates"].sum())
    return Side(name, part.metric, None, winners, candidates)


def _standings_of(side: str, family: Family, tuned: pd.DataFrame, environment: str) -> pd.DataFrame:
    """Find the standing of every candidate, in their order."""
    found = []
    for place, candidate in enumerate(family.best_of):
        at = f"{side}.best_of.{place}"
        found.append(_matching(at, {"environment": environment, **candidate}, tuned))
        if len(found[-1]) > 1:
            raise ValueError(f"{at}: leaves open {_open_columns(found[-1], ['score', 'rates'])}; name one")
    return pd.concat(found)


def selected(side: Side, rows: pd.DataFrame) -> pd.DataFrame:
    """Select the rows of a side.

    Raises
    ------
    ValueError
        If there are none; the message says what there is.
    """
    rows = rows[rows["metric"] == side.metric]
    if side.selection is not None:
        return _matching(side.name, side.selection, rows)
    return pd.concat(
        [
            _matching(side.name, winner, rows[rows["environment"] == environment])
            for environment, winner in side.winners.items()
        ]
    )


def pairs(sides: Mapping[str, Side], rows: pd.DataFrame) -> pd.DataFrame:
    """Put the values of each side into a column, a row per environment, stage and seed of a.

    Raises
    ------
    ValueError
        If a row of a has no partner, or several.
    """
    # What a side selects itself (a stage against another) cannot pair it.
    keys = [key for key in PAIRED_BY if not any(side.selects(key) for side in sides.values())]
    values = {name: _values(side, rows, keys) for name, side in sides.items()}
    for name, of_side in values.items():
        missing = values["a"].index.difference(of_side.index, sort=False)
        if len(missing):
            partner = in_words(dict(zip(keys, missing[0] if len(keys) > 1 else missing[:1], strict=True)))
            raise ValueError(f"{name}: no partner for {len(missing)} rows of a, the first of them {partner}")
    return pd.DataFrame({name: of_side.reindex(values["a"].index) for name, of_side in values.items()})


def by_case(pairs: pd.DataFrame) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame]]:
    """Yield each environment and stage that the pairs come from, with its pairs."""
    keys = [str(key) for key in pairs.index.names if key != "seed"]
    if not keys:
        yield {}, pairs
        return
    for names, case in pairs.groupby(level=keys, sort=False):
        yield dict(zip(keys, names if isinstance(names, tuple) else (names,), strict=True)), case


def in_words(keys: Mapping[str, Any]) -> str:
    """Name where rows come from: environment, stage, seed."""
    return ", ".join(f"seed {value}" if key == "seed" else str(value) for key, value in keys.items() if value != "")


def _declared(part: ClaimPart) -> dict[str, Selection | Family]:
    """Return a part's sides by name, each in the experiment that it comes from."""
    return {name: _within(part.experiments.get(name, part.experiment), side) for name, side in part.sides.items()}


def _within(experiment: str, side: Selection | Family) -> Selection | Family:
    if isinstance(side, Family):
        return Family(best_of=tuple({"experiment": experiment, **candidate} for candidate in side.best_of))
    return {"experiment": experiment, **side}


def _metric(part: ClaimPart, declared: Selection | Family) -> str:
    return part.metric if isinstance(declared, Family) else declared.get("metric", part.metric)


def _matching(at: str, selection: Selection, rows: pd.DataFrame) -> pd.DataFrame:
    for column, value in selection.items():
        if column not in rows.columns:
            raise ValueError(f"{at}: no column {column}; columns are {', '.join(rows.columns)}")
        chosen = rows[_matches(rows[column], value)]
        if chosen.empty:
            there = ", ".join(map(str, rows[column].unique()))
            raise ValueError(f"{at}: no rows with {column} {value}; there {column} is one of {there}")
        rows = chosen
    return rows


def _matches(column: pd.Series[Any], value: Any) -> pd.Series[bool]:
    """Compare as a table does that was written and read back: numbers as numbers, the rest as text."""
    if value is None:
        return column.isna()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return pd.to_numeric(column, errors="coerce") == value
    return column.astype(str) == str(level_value(value))


def _values(side: Side, rows: pd.DataFrame, keys: list[str]) -> pd.Series[float]:
    chosen = selected(side, rows)
    if chosen.duplicated(keys).any():
        raise ValueError(f"{side.name}: leaves open {_open_columns(chosen, [*keys, 'value'])}; name one")
    return chosen.set_index(keys)["value"]


def _open_columns(rows: pd.DataFrame, but: list[str]) -> str:
    """Name the columns in which rows differ, with what stands there."""
    differing = [column for column in rows.columns.difference(but, sort=False) if len(rows[column].unique()) > 1]
    return ", ".join(f"{column} ({', '.join(map(str, rows[column].unique()))})" for column in differing)


def _written(value: Any) -> str:
    return str(value).replace("-", "−") if isinstance(value, int | float) else str(value)


def _called(selection: Selection) -> str:
    levels = [
        f"{column.rsplit('.', 1)[-1]} {_written(value)}"
        for column, value in selection.items()
        if column not in ("variant", "experiment")
    ]
    if "variant" not in selection:
        return ", ".join(levels)
    return f"{selection['variant']} ({', '.join(levels)})" if levels else str(selection["variant"])
