"""The kinds of figure by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pg.experiments.figures import needs
from pg.experiments.figures.kind import FigureKind

_OF = "pg.experiments"
_PARABOLAS = f"{_OF}.probe.figures.against_rewards"
_STEPS = f"{_OF}.train.figures.steps_to_goal"

FIGURES: Mapping[str, FigureKind] = MappingProxyType(
    {
        "variance": FigureKind(f"{_OF}.probe.figures.variance", ("probe",)),
        "batch_size": FigureKind(f"{_OF}.probe.figures.batch_size", ("probe",), ("summary",)),
        "bias_and_variance": FigureKind(
            f"{_OF}.probe.figures.bias_and_variance", ("probe",), needs=(needs.one_swept_number,)
        ),
        "achieved_share": FigureKind(f"{_OF}.probe.figures.achieved_share", ("probe", "exact")),
        "against_rewards": FigureKind(_PARABOLAS, ("probe", "exact"), needs=(needs.swept_rewards,)),
        "empty_gradients": FigureKind(f"{_OF}.probe.figures.empty_gradients", ("probe",)),
        "learning_curves": FigureKind(f"{_OF}.train.figures.learning_curves", ("train",), ("curves", "summary")),
        "against_level": FigureKind(
            f"{_OF}.train.figures.against_level",
            ("train",),
            needs=(needs.metrics_of_training, needs.one_logarithmic_level),
        ),
        "steps_to_threshold": FigureKind(_STEPS, ("train",), needs=(needs.thresholds,)),
        "steps_to_pass": FigureKind(_STEPS, ("train",), needs=(needs.option("evaluate"),)),
        "performance_profiles": FigureKind(f"{_OF}.train.figures.performance_profiles", ("train",), ("across",)),
        "aggregates": FigureKind(f"{_OF}.train.figures.aggregates", ("train",), ("across",)),
        "tuning": FigureKind(f"{_OF}.train.figures.tuning", ("train",), ("tuned",), needs=(needs.option("tuning"),)),
        "ladder": FigureKind(f"{_OF}.exact.figures.ladder", ("exact",)),
        "shrinkage": FigureKind(f"{_OF}.exact.figures.shrinkage", ("exact",)),
        "sampled_variance": FigureKind(
            f"{_OF}.exact.figures.sampled_variance", ("exact",), needs=(needs.option("sampled_batches"),)
        ),
        "backward_passes": FigureKind(f"{_OF}.identity.figures.backward_passes", ("identity",)),
        "likelihoods": FigureKind(f"{_OF}.update.figures.likelihoods", ("update",)),
        "realised_kl": FigureKind(f"{_OF}.update.figures.realised_kl", ("update",), needs=(needs.a_limit,)),
        "support": FigureKind(f"{_OF}.support.figures.support", ("support",)),
        "staleness": FigureKind(f"{_OF}.staleness.figures.staleness", ("staleness",)),
        "horizons": FigureKind(f"{_OF}.horizon.figures.horizons", ("horizon",)),
        "gait": FigureKind(f"{_OF}.gait.figures.gait", ("gait",), with_source=True),
        "stick_figures": FigureKind(
            f"{_OF}.gait.figures.stick_figures", ("gait",), ("poses", "summary"), with_source=True
        ),
    }
)
