"""Requirements of kinds of figure: each function yields what a study lacks, with the key to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pg.core.suggestions import listed, unknown
from pg.environments.record import Environment
from pg.experiments.kind import Experiment
from pg.experiments.metrics import metrics_of
from pg.parts.variant import Variant
from pg.plotting.record import Figure

REWARD_LEVELS = ("environment.rewards.offset", "environment.rewards.scale")
"""Options that `against_rewards` draws variance against."""

LEAST_LEVELS = 3
"""Levels that `against_rewards` needs: a parabola has three coefficients."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared figure with the records that it names.

    Attributes
    ----------
    at
        Its key in the study file, for messages.
    figure, experiment
        The declaration and the experiment that it draws.
    environments
        The environments drawn, by name.
    variants
        The variants drawn, at every level of the sweep, by name.
    """

    at: str
    figure: Figure
    experiment: Experiment
    environments: Mapping[str, Environment]
    variants: tuple[tuple[str, Variant], ...]

    @property
    def swept(self) -> dict[str, tuple[object, ...]]:
        """The options that the experiment sweeps over more than one level."""
        return {path: levels for path, levels in self.experiment.sweep.items() if len(levels) > 1}


def option(name: str) -> Callable[[Declaration], Iterator[str]]:
    """Make a check that the experiment declares an option."""

    def check(declared: Declaration) -> Iterator[str]:
        if getattr(declared.experiment, name, None) is None:
            yield f"{declared.at}.experiment: {declared.figure.experiment} declares no {name} to draw"

    return check


def thresholds(declared: Declaration) -> Iterator[str]:
    """Check that every environment declares a threshold."""
    for name, environment in declared.environments.items():
        if environment.threshold is None:
            yield (
                f"{declared.at}.environments: {name} declares no threshold; give environments.{name} one, or name "
                "the environments that the figure shows"
            )


def swept_rewards(declared: Declaration) -> Iterator[str]:
    """Check that one option of the rewards is swept over enough values."""
    sweep = declared.experiment.sweep
    drawn = [path for path in REWARD_LEVELS if len(set(sweep.get(path, ()))) >= LEAST_LEVELS]
    if len(drawn) != 1:
        yield (
            f"{declared.at}.experiment: {declared.figure.experiment} must sweep one of {' and '.join(REWARD_LEVELS)} "
            f"over {LEAST_LEVELS} values or more, not {len(drawn)} of them"
        )


def one_swept_number(declared: Declaration) -> Iterator[str]:
    """Check that the experiment sweeps one option, over numbers."""
    sweep = declared.experiment.sweep
    if len(sweep) != 1 or not all(_is_number(value) for values in sweep.values() for value in values):
        yield (
            f"{declared.at}.experiment: {declared.figure.kind} draws a sweep of one option over numbers, as "
            f"variant.returns.lambda; {declared.figure.experiment} sweeps {', '.join(sweep) or 'nothing'}"
        )


def one_logarithmic_level(declared: Declaration) -> Iterator[str]:
    """Check that the experiment sweeps one option over positive numbers."""
    if len(declared.swept) != 1:
        found = " and ".join(declared.swept) or "nothing"
        kind, experiment = declared.figure.kind, declared.figure.experiment
        yield f"{declared.at}.experiment: {kind} draws one swept option, and {experiment} sweeps {found}"
    for path, values in declared.swept.items():
        for value in values:
            if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
                yield (
                    f"{declared.at}.experiment: {path}: {value!r} has no place on a logarithmic axis; sweep positive "
                    "numbers"
                )


def metrics_of_training(declared: Declaration) -> Iterator[str]:
    """Check that the figure names metrics of its experiment, and that environments have what these need."""
    named = declared.figure.metrics
    fitting = metrics_of(declared.experiment)
    if not named:
        yield f"{declared.at}.metrics: is missing: name what to draw; allowed:{listed(fitting)}"
    yield from unknown(f"{declared.at}.metrics", named, fitting)
    for metric in [name for name in named if name in fitting and fitting[name].needs == "threshold"]:
        for name, environment in declared.environments.items():
            if environment.threshold is None:
                yield f"{declared.at}.metrics: {metric} needs a threshold, and {name} declares none"


def a_limit(declared: Declaration) -> Iterator[str]:
    """Check that a variant limits its KL divergence."""
    if all(variant.kl is None for _, variant in declared.variants):
        names = ", ".join(dict.fromkeys(name for name, _ in declared.variants))
        yield (
            f"{declared.at}.variants: {declared.figure.kind} compares with a limit; give one of {names} an option kl"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
