"""The kinds of figure by name: module, kinds of experiment, tables and requirements."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.experiments.figures import needs
from pg.experiments.figures.kind import FigureKind

_PACKAGE = "pg.experiments"
_AGAINST_REWARDS = f"{_PACKAGE}.probe.figures.against_rewards"
_STEPS_TO_GOAL = f"{_PACKAGE}.train.figures.steps_to_goal"

FIGURES: Mapping[str, FigureKind] = MappingProxyType(
    {
        "variance": FigureKind(f"{_PACKAGE}.probe.figures.variance", ("probe",)),
        "batch_size": FigureKind(f"{_PACKAGE}.probe.figures.batch_size", ("probe",), ("summary",)),
        "bias_and_variance": FigureKind(
            f"{_PACKAGE}.probe.figures.bias_and_variance", ("probe",), needs=(needs.one_swept_number,)
        ),
        "achieved_share": FigureKind(f"{_PACKAGE}.probe.figures.achieved_share", ("probe", "exact")),
        "against_rewards": FigureKind(_AGAINST_REWARDS, ("probe", "exact"), needs=(needs.swept_rewards,)),
        "empty_gradients": FigureKind(f"{_PACKAGE}.probe.figures.empty_gradients", ("probe",)),
        "learning_curves": FigureKind(f"{_PACKAGE}.train.figures.learning_curves", ("train",), ("curves", "summary")),
        "against_level": FigureKind(
            f"{_PACKAGE}.train.figures.against_level",
            ("train",),
            needs=(needs.metrics_of_training, needs.one_logarithmic_level),
        ),
        "steps_to_threshold": FigureKind(_STEPS_TO_GOAL, ("train",), needs=(needs.thresholds,)),
        "steps_to_pass": FigureKind(_STEPS_TO_GOAL, ("train",), needs=(needs.option("evaluate"),)),
        "performance_profiles": FigureKind(f"{_PACKAGE}.train.figures.performance_profiles", ("train",), ("across",)),
        "aggregates": FigureKind(f"{_PACKAGE}.train.figures.aggregates", ("train",), ("across",)),
        "tuning": FigureKind(
            f"{_PACKAGE}.train.figures.tuning", ("train",), ("tuned",), needs=(needs.option("tuning"),)
        ),
        "ladder": FigureKind(f"{_PACKAGE}.exact.figures.ladder", ("exact",)),
        "shrinkage": FigureKind(f"{_PACKAGE}.exact.figures.shrinkage", ("exact",)),
        "sampled_variance": FigureKind(
            f"{_PACKAGE}.exact.figures.sampled_variance", ("exact",), needs=(needs.option("sampled_batches"),)
        ),
        "backward_passes": FigureKind(f"{_PACKAGE}.identity.figures.backward_passes", ("identity",)),
        "likelihoods": FigureKind(f"{_PACKAGE}.update.figures.likelihoods", ("update",)),
        "realised_kl": FigureKind(f"{_PACKAGE}.update.figures.realised_kl", ("update",), needs=(needs.a_limit,)),
        "support": FigureKind(f"{_PACKAGE}.support.figures.support", ("support",)),
        "staleness": FigureKind(f"{_PACKAGE}.staleness.figures.staleness", ("staleness",)),
        "horizons": FigureKind(f"{_PACKAGE}.horizon.figures.horizons", ("horizon",)),
        "gait": FigureKind(f"{_PACKAGE}.gait.figures.gait", ("gait",), with_source=True),
        "stick_figures": FigureKind(
            f"{_PACKAGE}.gait.figures.stick_figures", ("gait",), ("poses", "summary"), with_source=True
        ),
    }
)
