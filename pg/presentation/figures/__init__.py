"""The figures by name: what each one draws from, and how to have it drawn.

This module imports nothing heavy, because the validation of a study reads the names. The modules behind them are
imported when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module
from itertools import product
from operator import and_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from pg.study.expansion import cells, is_tuned
from pg.study.model.experiments import GaitExperiment, ProbeExperiment, TrainExperiment
from pg.study.model.figure import Figure
from pg.study.model.study import Study
from pg.study.pooling import pool_of, pooled_environments, shared_variants

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture
    from pandas import DataFrame, Series

ExperimentKind = Literal["train", "probe", "exact", "identity", "update", "support", "staleness", "horizon", "gait"]
Table = Literal["long", "summary", "curves", "tuned", "poses", "across"]

_Kind = TypeVar("_Kind")

REWARD_LEVELS = ("environment.rewards.offset", "environment.rewards.scale")
"""What `against_rewards` has on its axis: an experiment sweeps one of them over at least `LEAST_LEVELS` numbers."""

LEAST_LEVELS = 3
"""Levels that a parabola passes through whatever they are."""

TABLE_FILES: Mapping[Table, str] = {"long": "", "summary": "-summary", "curves": "-curves", "poses": "-poses"}
"""What stands behind an experiment's name in the names of its tables' files."""


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure.

    Attributes
    ----------
    module
        The module that draws it: it has `draw(request)` and `caption(request)`.
    kinds_of_experiment
        Kinds of experiment whose tables it can draw.
    tables
        The tables of the experiment that it reads: the long table, its summary, the curves, the scores of tuning,
        the poses of humanoids, the statistics across environments.
    with_source
        Whether it also reads what the experiment declares that the policies come from.
    """

    module: str
    kinds_of_experiment: tuple[ExperimentKind, ...]
    tables: tuple[Table, ...]
    with_source: bool = False


@dataclass(frozen=True, slots=True)
class FigureRequest:
    """One declared figure together with the tables it reads.

    Attributes
    ----------
    study
        The study that declares it: variants have one colour throughout a study.
    figure
        The declaration.
    tables
        The tables named by its kind.
    """

    study: Study
    figure: Figure
    tables: Mapping[str, DataFrame]

    @property
    def environments(self) -> tuple[str, ...]:
        """Names of the environments drawn, in declared order."""
        if "across" in FIGURES[self.figure.kind].tables:
            return pooled_environments(self.study, pool_of(self.figure))
        return self.figure.environments or self.study.experiments[self.figure.experiment].environments

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants drawn, in the order in which the study declares them."""
        drawn = self.figure.variants or shared_variants(self.study, pool_of(self.figure))
        return tuple(name for name in self.study.variants if name in drawn)

    def experiment_of(self, kind: type[_Kind]) -> _Kind:
        """Return the experiment, which has to be of a kind.

        Raises
        ------
        TypeError
            If it is of another.
        """
        experiment = self.study.experiments[self.figure.experiment]
        if not isinstance(experiment, kind):
            raise TypeError(
                f"{self.figure.kind} draws no {experiment.kind} experiments, as {self.figure.experiment} is"
            )
        return experiment

    @property
    def probe(self) -> ProbeExperiment:
        """The experiment, where it is a probe."""
        return self.experiment_of(ProbeExperiment)

    @property
    def training(self) -> TrainExperiment:
        """The experiment, where it trains."""
        return self.experiment_of(TrainExperiment)

    @property
    def gait(self) -> GaitExperiment:
        """The experiment, where it watches gaits."""
        return self.experiment_of(GaitExperiment)

    @property
    def trained(self) -> Mapping[str, float]:
        """Environment steps of training behind each stage of the policies whose gait is watched.

        Raises
        ------
        TypeError
            If no gaits are watched, or the study lacks the experiment that trains.
        """
        source = self.gait.source
        training = self.study.experiments.get(source.experiment)
        if not isinstance(training, TrainExperiment):
            raise TypeError(f"the study of {self.figure.kind} holds no training experiment {source.experiment}")
        return {stage: training.snapshots[stage] * training.budget.steps for stage in source.stages}

    @property
    def seeds(self) -> int:
        """Number of seeds in the long table: of learners, or of the policies that the laboratory was given."""
        return self.tables["long"]["seed"].nunique()

    @property
    def levels(self) -> tuple[Mapping[str, Any], ...]:
        """The levels of the experiment's sweep, each a mapping of sweep path to value; one empty where none is."""
        sweep = self.study.experiments[self.figure.experiment].sweep
        return tuple(dict(zip(sweep, values, strict=True)) for values in product(*sweep.values()))

    def rows(self, table: Table, **where: str | int) -> DataFrame:
        """Select the rows of a table whose columns hold the given values."""
        frame = self.tables[table]
        holding = [_holds(frame[column], value) for column, value in where.items()]
        return frame.loc[reduce(and_, holding)] if holding else frame


def _holds(column: Series, value: str | int) -> Series:
    if isinstance(value, str) and column.dtype.kind in "biuf":
        # A name that looks like a number comes back from CSV as one.
        column = column.astype(str)
    return (column == value).fillna(value=False)


class _Module(Protocol):
    def draw(self, request: FigureRequest) -> Picture: ...

    def caption(self, request: FigureRequest) -> str: ...


FIGURES: Mapping[str, FigureKind] = MappingProxyType(
    {
        "variance": FigureKind("pg.presentation.figures.variance", ("probe",), ("long", "summary")),
        "batch_size": FigureKind("pg.presentation.figures.batch_size", ("probe",), ("summary",)),
        "bias_and_variance": FigureKind("pg.presentation.figures.bias_and_variance", ("probe",), ("long", "summary")),
        "learning_curves": FigureKind("pg.presentation.figures.learning_curves", ("train",), ("curves", "summary")),
        "against_level": FigureKind("pg.presentation.figures.against_level", ("train",), ("long", "summary")),
        "steps_to_threshold": FigureKind("pg.presentation.figures.steps_to_threshold", ("train",), ("long", "summary")),
        "steps_to_pass": FigureKind("pg.presentation.figures.steps_to_threshold", ("train",), ("long", "summary")),
        "ladder": FigureKind("pg.presentation.figures.ladder", ("exact",), ("long", "summary")),
        "shrinkage": FigureKind("pg.presentation.figures.shrinkage", ("exact",), ("long", "summary")),
        "sampled_variance": FigureKind("pg.presentation.figures.sampled_variance", ("exact",), ("long", "summary")),
        "achieved_share": FigureKind("pg.presentation.figures.achieved_share", ("probe", "exact"), ("long", "summary")),
        "empty_gradients": FigureKind("pg.presentation.figures.empty_gradients", ("probe",), ("long", "summary")),
        "backward_passes": FigureKind("pg.presentation.figures.backward_passes", ("identity",), ("long", "summary")),
        "likelihoods": FigureKind("pg.presentation.figures.likelihoods", ("update",), ("long", "summary")),
        "realised_kl": FigureKind("pg.presentation.figures.realised_kl", ("update",), ("long", "summary")),
        "support": FigureKind("pg.presentation.figures.support", ("support",), ("long", "summary")),
        "staleness": FigureKind("pg.presentation.figures.staleness", ("staleness",), ("long", "summary")),
        "horizons": FigureKind("pg.presentation.figures.horizons", ("horizon",), ("long", "summary")),
        "against_rewards": FigureKind(
            "pg.presentation.figures.against_rewards", ("probe", "exact"), ("long", "summary")
        ),
        "performance_profiles": FigureKind("pg.presentation.figures.performance_profiles", ("train",), ("across",)),
        "aggregates": FigureKind("pg.presentation.figures.aggregates", ("train",), ("across",)),
        "tuning": FigureKind("pg.presentation.figures.tuning", ("train",), ("tuned",)),
        "gait": FigureKind("pg.presentation.figures.gait", ("gait",), ("long", "summary"), with_source=True),
        "stick_figures": FigureKind(
            "pg.presentation.figures.stick_figures", ("gait",), ("poses", "summary"), with_source=True
        ),
    }
)


def requested(
    study: Study, figure: Figure, tables: Mapping[str, DataFrame], choices: Sequence[Mapping[str, Any]]
) -> FigureRequest:
    """Put a request together from the tables and tuning records that were read for it.

    Parameters
    ----------
    study
        At least the figure's experiment.
    figure
        The declaration.
    tables
        By name, without the tuning scores.
    choices
        The record of every tuned cell of the experiment, in the order of the cells.
    """
    if "tuned" not in FIGURES[figure.kind].tables:
        return FigureRequest(study, figure, tables)
    tuned = [cell for cell in cells(study, figure.experiment) if is_tuned(cell)]
    scores = import_module("pg.presentation.figures.tuning").tuned_table(zip(tuned, choices, strict=True))
    return FigureRequest(study, figure, {**tables, "tuned": scores})


def draw(request: FigureRequest) -> Picture:
    """Draw a declared figure."""
    return _module(request).draw(replace(request, study=_without_mathematics(request.study)))


def _without_mathematics(study: Study) -> Study:
    """Escape the dollars in a study's labels: between two of them, matplotlib would read TeX."""
    named = {"variants": study.variants, "environments": study.environments}
    return study.model_copy(
        update={
            key: {name: one.model_copy(update={"label": _escaped(one.label)}) for name, one in records.items()}
            for key, records in named.items()
        }
    )


def _escaped(label: str | None) -> str | None:
    return None if label is None else label.replace("$", r"\$")


def caption(request: FigureRequest) -> str:
    """Describe a declared figure in plain sentences whose numbers come from its tables."""
    return _module(request).caption(request)


def _module(request: FigureRequest) -> _Module:
    return cast(_Module, import_module(FIGURES[request.figure.kind].module))
