"""Draw and describe a figure from its declaration, the records that it names, and the tables of its experiment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from matplotlib import figure as mpl
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pg.environments.record import Environment
from pg.experiments.cells import Cell
from pg.experiments.figures.concepts import concept
from pg.experiments.figures.lookup import kind_of
from pg.experiments.kind import Experiment, Measurement
from pg.experiments.labels import variant_label
from pg.experiments.selections import SELECTION
from pg.parts.variant import Variant
from pg.plotting import layout, style
from pg.plotting.marks import Series, at_level, gathered
from pg.plotting.record import Figure
from pg.plotting.text import at_levels, counted, first_of, in_words, listed, number

if TYPE_CHECKING:
    # Altair takes half a second to import, and most figures are pictures alone.
    from pg.plotting.explorable import Explorable

Drawn: TypeAlias = tuple[mpl.Figure, str]
"""A picture and its caption."""

E = TypeVar("E", bound=Experiment, covariant=True)
_Named = TypeVar("_Named", Variant, Environment)

_MOST_NAMED = 3  # environments in a caption
_SAME = 1e-9  # relative distance of numbers that differ by rounding


@dataclass(frozen=True, slots=True)
class Place:
    """The policies that a panel shows: those of one stage in one environment."""

    environment: str
    stage: str

    def __str__(self) -> str:
        """Return a name for the place, as `places_of` gives it to rows."""
        return f"{self.environment}/{self.stage}"


@dataclass(frozen=True, slots=True)
class FigureRequest(Generic[E]):
    """One declared figure with its input.

    Attributes
    ----------
    figure
        The declaration.
    experiment
        The experiment that it draws.
    environments
        The environments drawn, in declared order.
    variants
        All variants of the study, in declared order.
    drawn
        Names of the variants drawn, in declared order.
    cells
        The cells of the experiment.
    stages
        The stages of the policies that were measured.
    trained
        Environment steps of training before each stage; empty unless the kind of figure asks for it.
    tables
        The tables that the kind of figure reads.
    others
        Requests of the pooled experiments, if the kind of figure draws them below its own.
    """

    figure: Figure
    experiment: E
    environments: Mapping[str, Environment]
    variants: Mapping[str, Variant]
    drawn: tuple[str, ...]
    cells: tuple[Cell, ...]
    stages: tuple[str, ...]
    trained: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame]
    others: tuple[FigureRequest[E], ...] = ()

    @property
    def is_wide(self) -> bool:
        """Whether the figure spans two columns of the page."""
        return self.figure.width == "two_columns"

    @property
    def seeds(self) -> int:
        """Number of seeds in the tables: of learners, or of measured policies."""
        found = (table["seed"].nunique() for table in self.tables.values() if "seed" in table)
        return next(found, self.experiment.seeds.count)

    @property
    def runs(self) -> str:
        """The number of learners of a variant as text, with the number of selections of their learning rate."""
        seeds, names = counted(self.seeds, "seed"), {*self.drawn, *(one["variant"] for one in self.figure.compared)}
        tables = [table[table["variant"].isin(names)] for table in self.tables.values() if SELECTION in table]
        found = max((table[SELECTION].nunique() for table in tables), default=0)
        if not found:
            return seeds
        are_tuned = all(
            own.notna().any() for table in tables for _, own in table.groupby("variant", observed=True)[SELECTION]
        )
        selections = f"in {found} selections of the learning rate"
        return f"{seeds} {selections}" if are_tuned else f"{seeds} (where tuned, {selections})"

    @property
    def policies(self) -> str:
        """The number of measured policies as text."""
        return counted(self.seeds, "policy")

    @property
    def places(self) -> tuple[Place, ...]:
        """The environments drawn, and in each the stages, as declared."""
        return tuple(Place(environment, stage) for environment, stage in product(self.environments, self.stages))

    @property
    def batch(self) -> int:
        """The batch size drawn: the smallest if batches are swept, else the one nearest to that of training."""
        long = self.tables["long"]
        measured = long.loc[long["variant"].isin(self.drawn), "batch"].dropna().unique()
        sizes = sorted(int(size) for size in measured)
        if "variant.batch" in self.experiment.sweep:
            return sizes[0]
        trained = self.variants[self.drawn[0]].batch
        return min(sizes, key=lambda size: abs(math.log(size / trained)))

    def batch_sizes(self, **where: Any) -> str:
        """Return the batch sizes in rows of the long table as text."""
        sizes = self.rows("long", **where)["batch"].dropna().unique()
        return listed([f"{size:g}" for size in sorted(sizes)])

    def variant_label(self, name: str) -> str:
        """Return the label of a variant."""
        return variant_label(name, self.variants, self.experiment)

    def environment_label(self, name: str) -> str:
        """Return the label of an environment."""
        return self.environments[name].label or self.environments[name].id

    def heading(self, place: Place) -> str:
        """Return the title of a panel."""
        return f"{self.environment_label(place.environment)}, {place.stage} policies"

    def cells_of(
        self, series: Sequence[Series], rows: pd.DataFrame, keys: Sequence[str], columns: Sequence[tuple[Any, ...]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Arrange estimates for a heat table: a row per series, a column per combination of values of `keys`.

        Returns estimates, (rows, columns), and intervals, (rows, columns, 2); NaN where the table has none.
        """
        cells = gathered(series, rows).astype(dict.fromkeys(keys, "object")).set_index(["place", *keys])
        wanted = pd.MultiIndex.from_tuples([(float(row), *column) for row in range(len(series)) for column in columns])
        found = cells[["estimate", "ci_low", "ci_high"]].reindex(wanted).to_numpy(np.float64)
        found = found.reshape(len(series), len(columns), 3)
        return found[..., 0], found[..., 1:]

    def series(self, *, shown: Collection[str] = ()) -> tuple[Series, ...]:
        """List what the figure compares: the variants at every level of the sweep, and those of other experiments.

        Parameters
        ----------
        shown
            Sweep paths that make no series of their own, because an axis or the panels show them.
        """
        sweep = {path: values for path, values in self.experiment.swept.items() if path not in shown}
        levels = [dict(zip(sweep, values, strict=True)) for values in product(*sweep.values())]
        drawn = [(name, level, {**self._fixed, **level}) for name in self.drawn for level in levels]
        for one in self.figure.compared:
            level = {path: value for path, value in one.items() if path not in ("experiment", "variant")}
            drawn.append((one["variant"], level, level))
        return self._distinguished(
            Series(name, level, at_levels(self.variant_label(name), told), style.look_of(concept(self.variants[name])))
            for name, level, told in drawn
        )

    @property
    def _fixed(self) -> dict[str, Any]:
        """Options that a training experiment sets for all of its variants, by a sweep of one level."""
        if isinstance(self.experiment, Measurement):
            return {}
        return {path: levels[0] for path, levels in self.experiment.sweep.items() if len(levels) == 1}

    def distinct_series(
        self, *, shown: Collection[str] = (), table: str = "summary", column: str = "estimate"
    ) -> tuple[Series, ...]:
        """List the series as `series` does; those with equal numbers in a column, as of equal runs, are one."""
        alike: dict[object, list[Series]] = {}
        for one in self.series(shown=shown):
            numbers = one.rows(self.tables[table])[column].to_numpy()
            alike.setdefault(numbers.tobytes() or one.key, []).append(one)
        return self._distinguished(replace(group[0], label=_label_of_equals(group)) for group in alike.values())

    def common_variant(self, series: Sequence[Series]) -> tuple[str, tuple[Series, ...]]:
        """Return the label of the only variant and the series named by their levels; no label if there are several."""
        if len(series) < 2 or len({one.variant for one in series}) > 1:
            return "", tuple(series)
        name = self.variant_label(series[0].variant)
        return name, tuple(replace(one, label=one.label.removeprefix(f"{name}, ")) for one in series)

    def _distinguished(self, series: Iterable[Series]) -> tuple[Series, ...]:
        """Give series that share a concept looks of their own."""
        drawn = tuple(series)
        chosen = self.figure.colours
        looks = style.looks(
            {one.key: concept(self.variants[one.variant]) for one in drawn},
            {one.key: chosen[one.variant] for one in drawn if one.variant in chosen},
        )
        return tuple(replace(one, look=looks[one.key]) for one in drawn)

    def rows(self, table: str, place: Place | None = None, **where: str | float) -> pd.DataFrame:
        """Select the rows of a table at a place whose columns hold the given values."""
        if place is not None:
            where |= {"environment": place.environment, "stage": place.stage}
        return at_level(self.tables[table], where)

    def of(self, metric: str, place: Place | None = None, **where: str | float) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Select a metric's rows of the long table, and of the summary."""
        return self.rows("long", place, metric=metric, **where), self.rows("summary", place, metric=metric, **where)

    def shown(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Select the rows of the drawn variants and environments."""
        return rows[rows["variant"].isin(self.drawn) & rows["environment"].isin([*self.environments])]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The places as columns of a heat table: environment and stage, or the environment if there is one stage."""
        staged = len(self.stages) > 1
        labels = [(self.environment_label(place.environment), place.stage) for place in self.places]
        return [(label, stage) if staged else ("", label) for label, stage in labels]

    def with_numbers(self, rows: pd.DataFrame) -> str:
        """Name the environments drawn in which a table has a finite estimate; of more than three, their number."""
        rows = self.shown(rows)
        defined = {*rows.loc[np.isfinite(rows["estimate"]), "environment"]}
        labels = [self.environment_label(name) for name in self.environments if name in defined]
        if len(labels) > _MOST_NAMED:
            return counted(len(labels), "environment")
        return listed(labels) if labels else "no environment"

    def between(self, rows: pd.DataFrame, axis: str = "") -> str:
        """Say between which estimates the rows of a table are, and whose they are: "0.1 (to-go) to 1 (total)".

        `axis` names the axis of the kind of experiment. Default: its column.
        """
        rows = self.shown(rows)
        rows = rows[np.isfinite(rows["estimate"])]
        if rows.empty:
            return "undefined"
        ends = (rows["estimate"].min(), rows["estimate"].max())
        named = [self._all_named(rows[_equal(rows["estimate"], end)], rows, axis) for end in ends]
        return " to ".join(f"{number(end, 2)} ({names})" for end, names in zip(ends, named, strict=True))

    def leaders(self, rows: pd.DataFrame, *, lowest: bool = False) -> str:
        """Say who has the highest or lowest estimate in most cases: "to-go (in 3 of 4 cases)".

        Variants compete with each other at all of their levels; a case is all else, as an environment, stage and batch.
        A tie counts for all that are tied, unless these are all, or have a lowest estimate of 0.
        """
        rows = self.shown(rows)
        rows = rows[np.isfinite(rows["estimate"])]
        if rows.empty:
            return "undefined"
        case = [column for column in self._labels() if column.partition(".")[0] != "variant"]
        among, winners, even, zeros = rows.assign(**dict.fromkeys(case, "")), list[list[str]](), 0, 0
        for _, own in rows.groupby(case, observed=True, dropna=False)["estimate"]:
            best = own.min() if lowest else own.max()
            first = own.index[_equal(own, best)]
            if lowest and best == 0 and len(first) > 1:
                zeros += 1
            elif len(first) == len(own) > 1:
                even += 1
            else:
                winners.append([self._named(row, among) for row in among.loc[first].to_dict("records")])
        return _in_most_cases(winners, even, zeros)

    def _labels(self, axis: str = "") -> dict[str, Callable[[Any], str]]:
        """Return what names the rows of a table: columns, and how each writes its values."""
        labels: dict[str, Callable[[Any], str]] = {
            "variant": self.variant_label,
            "environment": self.environment_label,
            "stage": str,
            "batch": "batch {:g}".format,
            **{path: partial(in_words, path) for path in self.experiment.swept if path != "variant.batch"},
        }
        if (column := self.experiment.axis) is not None:
            labels[column] = partial(in_words, axis or column)
        return labels

    def _named(self, row: Mapping[Any, Any], among: pd.DataFrame, axis: str = "") -> str:
        """Name a row by what distinguishes it from the other rows."""
        labels = self._labels(axis)
        differ = {column: write for column, write in labels.items() if len(among[column].unique()) > 1}
        return ", ".join(write(row[column]) for column, write in differ.items()) or "all"

    def _all_named(self, rows: pd.DataFrame, among: pd.DataFrame, axis: str) -> str:
        """Name rows that are tied by what distinguishes them from the others, if they differ in one column alone.

        A column does not distinguish them if they have all of its values, in all combinations with the others.
        """
        own = {column: rows[column].unique() for column in self._labels(axis)}
        named = {column: values for column, values in own.items() if len(values) < len(among[column].unique())}
        are_crossed = len(rows) == math.prod(map(len, own.values()))
        if not are_crossed or sum(len(values) > 1 for values in named.values()) > 1:
            return "several"
        labels = self._labels(axis)
        return ", ".join(first_of([*map(labels[column], values)]) for column, values in named.items()) or "all"

    def panels_in_a_row(self) -> int:
        """Return how many panels are in a row: one per stage, or per environment if there is one stage."""
        if not self.is_wide:
            return 1
        count = len(self.stages) if len(self.stages) > 1 else len(self.environments)
        return min(layout.panels_in_a_row(3), count)

    def panels(self, height: float, **how: Any) -> tuple[mpl.Figure, list[tuple[Place, Axes]]]:
        """Make a figure with a panel per place, in rows of `height` inches; options are those of `layout.panels`."""
        titles = [self.heading(place) for place in self.places]
        across = self.panels_in_a_row()
        figure, panels = layout.panels(self.figure.width, titles, across, height, margin=0.2, **how)
        return figure, list(zip(self.places, panels, strict=True))

    def in_rows(self, across: int) -> Sequence[Place]:
        """Return the places; stage by stage if the panels of several environments are side by side."""
        if across != len(self.environments) or across == 1:
            return self.places
        return sorted(self.places, key=lambda one: self.stages.index(one.stage))


def places_of(rows: pd.DataFrame) -> pd.Series:
    """Return the name of the place of each row of a table."""
    return rows["environment"].astype(str) + "/" + rows["stage"].astype(str)


def _equal(estimates: pd.Series, one: float) -> pd.Series:
    """Return which estimates are equal to one, up to rounding."""
    return (estimates - one).abs() <= _SAME * abs(one)


def _in_most_cases(winners: Sequence[Sequence[str]], even: int, zeros: int) -> str:
    """Say who wins in most cases; each case lists its winners, several if they are tied, and some cases have none."""
    if not winners:
        return "several, with 0" if zeros else "all equal"
    cases, wins = len(winners) + even + zeros, Counter(name for names in winners for name in names)
    most = max(wins.values())
    first = [name for name, count in wins.items() if count == most]
    won = [names for names in winners if not {*first}.isdisjoint(names)]
    ties, is_together = sum(len(names) > 1 for names in won), len(won) == most
    if cases == 1:
        return f"{first_of(first)}, tied" if ties else first[0]
    words = [f"in {f'all {cases}' if most == cases else f'{most} of {cases}'} cases{'' if is_together else ' each'}"]
    if ties:
        words = [f"tied {words[0]}"] if ties == most and is_together else [words[0], f"tied in {ties}"]
    words += [f"in {count}, {what}" for count, what in ((zeros, "several are 0"), (even, "all are equal")) if count]
    return f"{first_of(first)} ({'; '.join(words)})"


def _label_of_equals(group: Sequence[Series]) -> str:
    """Name equal series: by their level if all have it; else the first, with what differs in the others."""
    first, *others = group
    words = [", ".join(in_words(path, value) for path, value in one.levels.items()) for one in group]
    if others and first.levels and len({*words}) == 1:
        return f"{words[0]} ({len(group)} variants alike)"
    is_one_variant = all(one.variant == first.variant for one in others)
    return " = ".join((first.label, *(words[1:] if is_one_variant else (one.label for one in others))))


def draw(request: FigureRequest[Any]) -> Drawn:
    """Draw a figure, and write its caption: what is drawn, how to read it, and the number of seeds.

    Dollar signs in labels are escaped in the picture, because matplotlib reads TeX between two of them.
    """
    kind = kind_of(request.figure, request.experiment)
    with style.paper_style():
        drawn = import_module(kind.module).draw(_escaped(request))
    if not isinstance(drawn, tuple):
        raise TypeError(f"{kind.module}.draw must return the figure and its caption, not {type(drawn).__name__}")
    figure, caption = drawn
    layout.limit(figure.axes, request.figure.limits)
    return figure, caption.replace(r"\$", "$")


def explore(request: FigureRequest[Any]) -> Explorable:
    """Return the interactive counterpart of a figure whose kind has one."""
    play = kind_of(request.figure, request.experiment).play
    assert play is not None, f"{request.figure.kind} is a picture alone"
    return import_module(play.module).explore(request)


def _escaped(request: FigureRequest[Any]) -> FigureRequest[Any]:
    labelled = {"variants": _without_tex(request.variants), "environments": _without_tex(request.environments)}
    return replace(request, **labelled, others=tuple(map(_escaped, request.others)))


def _without_tex(records: Mapping[str, _Named]) -> dict[str, _Named]:
    return {
        name: record if record.label is None else record.model_copy(update={"label": record.label.replace("$", r"\$")})
        for name, record in records.items()
    }
