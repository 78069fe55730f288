"""The figures by name: what each one draws from, and how to have it drawn.

This module imports nothing heavy, because the validation of a study reads the names. The modules behind them are
imported when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, cast

from pg.plotting.request import FigureRequest, Table
from pg.study.record import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

ExperimentKind = Literal["train", "probe", "exact", "identity", "update", "support", "staleness", "horizon", "gait"]

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


class _Module(Protocol):
    def draw(self, request: FigureRequest) -> Picture: ...

    def caption(self, request: FigureRequest) -> str: ...


FIGURES: Mapping[str, FigureKind] = MappingProxyType(
    {
        "variance": FigureKind("pg.experiments.probe.figures.variance", ("probe",), ("long", "summary")),
        "batch_size": FigureKind("pg.experiments.probe.figures.batch_size", ("probe",), ("summary",)),
        "bias_and_variance": FigureKind(
            "pg.experiments.probe.figures.bias_and_variance", ("probe",), ("long", "summary")
        ),
        "learning_curves": FigureKind(
            "pg.experiments.train.figures.learning_curves", ("train",), ("curves", "summary")
        ),
        "against_level": FigureKind("pg.experiments.train.figures.against_level", ("train",), ("long", "summary")),
        "steps_to_threshold": FigureKind(
            "pg.experiments.train.figures.steps_to_threshold", ("train",), ("long", "summary")
        ),
        "steps_to_pass": FigureKind("pg.experiments.train.figures.steps_to_threshold", ("train",), ("long", "summary")),
        "ladder": FigureKind("pg.experiments.exact.figures.ladder", ("exact",), ("long", "summary")),
        "shrinkage": FigureKind("pg.experiments.exact.figures.shrinkage", ("exact",), ("long", "summary")),
        "sampled_variance": FigureKind(
            "pg.experiments.exact.figures.sampled_variance", ("exact",), ("long", "summary")
        ),
        "achieved_share": FigureKind(
            "pg.experiments.probe.figures.achieved_share", ("probe", "exact"), ("long", "summary")
        ),
        "empty_gradients": FigureKind("pg.experiments.probe.figures.empty_gradients", ("probe",), ("long", "summary")),
        "backward_passes": FigureKind(
            "pg.experiments.identity.figures.backward_passes", ("identity",), ("long", "summary")
        ),
        "likelihoods": FigureKind("pg.experiments.update.figures.likelihoods", ("update",), ("long", "summary")),
        "realised_kl": FigureKind("pg.experiments.update.figures.realised_kl", ("update",), ("long", "summary")),
        "support": FigureKind("pg.experiments.support.figures.support", ("support",), ("long", "summary")),
        "staleness": FigureKind("pg.experiments.staleness.figures.staleness", ("staleness",), ("long", "summary")),
        "horizons": FigureKind("pg.experiments.horizon.figures.horizons", ("horizon",), ("long", "summary")),
        "against_rewards": FigureKind(
            "pg.experiments.probe.figures.against_rewards", ("probe", "exact"), ("long", "summary")
        ),
        "performance_profiles": FigureKind(
            "pg.experiments.train.figures.performance_profiles", ("train",), ("across",)
        ),
        "aggregates": FigureKind("pg.experiments.train.figures.aggregates", ("train",), ("across",)),
        "tuning": FigureKind("pg.experiments.train.figures.tuning", ("train",), ("tuned",)),
        "gait": FigureKind("pg.experiments.gait.figures.gait", ("gait",), ("long", "summary"), with_source=True),
        "stick_figures": FigureKind(
            "pg.experiments.gait.figures.stick_figures", ("gait",), ("poses", "summary"), with_source=True
        ),
    }
)


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
