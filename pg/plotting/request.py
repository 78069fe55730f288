"""What is asked of a figure: its declaration, the study that it belongs to, and the tables that it is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import and_
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pg.experiments.records import GaitExperiment, ProbeExperiment, TrainExperiment
from pg.plotting.record import Figure
from pg.study.pooling import pool_of, pooled_environments, shared_variants
from pg.study.record import Study

if TYPE_CHECKING:
    # Studies are validated without waiting for pandas, and validation knows figures.
    from pandas import DataFrame, Series

Table = Literal["long", "summary", "curves", "tuned", "poses", "across"]

_Kind = TypeVar("_Kind")


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
        if "across" in self.tables:
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
