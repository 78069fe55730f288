"""A kind of figure: its module, the tables that it reads, and what it needs of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pg.environments.record import Environment
from pg.parts.variant import Variant
from pg.plotting.record import Figure

if TYPE_CHECKING:
    from pg.experiments.kind import Experiment

_REWARDS = ("environment.rewards.offset", "environment.rewards.scale")
_LEAST_LEVELS = 3  # a parabola has three coefficients
_LEAST_COMPARED = 2


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure. A study file names a built-in one, or `module:NAME` for one in a file next to it.

    Attributes
    ----------
    module
        The module with `draw(request)`, which returns the picture and its caption. Built-in modules are imported only
        to draw, because matplotlib takes a second to import.
    tables
        Tables that it reads: one row per seed (long), intervals (summary), or others of the kind of experiment.
    options
        Options that the experiment must declare.
    needs
        Functions that yield the problems of a declaration, with the key to change.
    with_source
        Whether it reads the experiment that trained the policies.
    with_metrics
        Whether a figure names the metrics that it draws.
    with_pooled
        Whether it draws pooled experiments one below the other; each is a request in `FigureRequest.others`.
    with_compared
        Whether it can draw variants of other experiments as well.
    with_levels
        Whether it draws the numbers in `levels`.
    with_threshold
        Whether it draws a line at the threshold, which `threshold_line` turns off.
    limits
        The axes whose `limits` a figure may set, because they are the same in all panels, with their scales.
    play
        What readers can do with it on the page; None if it is a picture alone.
    """

    module: str
    tables: tuple[str, ...] = ("long", "summary")
    options: tuple[str, ...] = ()
    needs: tuple[Callable[[Declaration], Iterator[str]], ...] = ()
    with_source: bool = False
    with_metrics: bool = False
    with_pooled: bool = False
    with_compared: bool = False
    with_levels: bool = False
    with_threshold: bool = False
    limits: Mapping[str, Literal["linear", "log"]] = field(default_factory=dict)
    play: Play | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """The interactive counterpart of a figure.

    Attributes
    ----------
    module
        The module with `explore(request)`, which returns an `Explorable`.
    tables
        The tables that it reads; they need not be those of the figure.
    """

    module: str
    tables: tuple[str, ...]


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
    known
        All variants of the study, by name, as declared.
    """

    at: str
    figure: Figure
    experiment: Experiment
    environments: Mapping[str, Environment]
    variants: tuple[tuple[str, Variant], ...]
    known: Mapping[str, Variant]

    @property
    def names(self) -> list[str]:
        """The names of the variants drawn."""
        return list(dict.fromkeys(name for name, _ in self.variants))


def thresholds(declared: Declaration) -> Iterator[str]:
    """Check that every environment declares a threshold."""
    for name, environment in declared.environments.items():
        if declared.experiment.level("threshold", environment) is None:
            yield (
                f"{declared.at}.environments: {name} declares no threshold; give environments.{name} one, or name "
                "the environments that the figure shows"
            )


def swept_rewards(declared: Declaration) -> Iterator[str]:
    """Check that one option of the rewards is swept over enough values."""
    if (swept := len(swept_rewards_of(declared.experiment))) != 1:
        yield (
            f"{declared.at}.experiment: {declared.figure.experiment} must sweep one of {' and '.join(_REWARDS)} "
            f"over {_LEAST_LEVELS} values or more, not {swept} of them"
        )


def swept_rewards_of(experiment: Experiment) -> list[str]:
    """List the options of the rewards that an experiment sweeps over enough values for a parabola."""
    return [path for path in _REWARDS if len(set(experiment.sweep.get(path, ()))) >= _LEAST_LEVELS]


def one_swept_number(declared: Declaration) -> Iterator[str]:
    """Check that the experiment sweeps one option, over numbers."""
    sweep = declared.experiment.sweep
    if len(sweep) != 1 or not all(_is_number(value) for values in sweep.values() for value in values):
        yield (
            f"{declared.at}.experiment: {declared.figure.kind} draws a sweep of one option over numbers, as "
            f"variant.returns.lambda; {declared.figure.experiment} sweeps {', '.join(sweep) or 'nothing'}"
        )


def a_swept_option(declared: Declaration) -> Iterator[str]:
    """Check that the experiment sweeps an option."""
    if not declared.experiment.swept:
        at, name = f"{declared.at}.experiment", declared.figure.experiment
        yield f"{at}: {declared.figure.kind} draws a swept option, and {name} sweeps none"


def one_logarithmic_level(declared: Declaration) -> Iterator[str]:
    """Check that the experiment sweeps one option, over positive numbers."""
    yield from a_swept_option(declared)
    swept = declared.experiment.swept
    if len(swept) > 1:
        yield (
            f"{declared.at}.experiment: {declared.figure.kind} draws one swept option; {declared.figure.experiment} "
            f"sweeps {', '.join(swept)}"
        )
    for path, values in [*swept.items()][-1:]:
        for value in values:
            if not _is_number(value) or value <= 0:
                yield (
                    f"{declared.at}.experiment: {path}: {value!r} cannot be drawn on a logarithmic axis; sweep "
                    "positive numbers"
                )


def one_metric_per_axis(declared: Declaration) -> Iterator[str]:
    """Check that limits are not set on an axis that has another metric in every panel."""
    metrics = declared.figure.metrics
    if declared.figure.limits.x is not None and len(metrics) > 1:
        yield (
            f"{declared.at}.limits.x: the panels draw different metrics, {', '.join(metrics)}, and limits of one empty "
            "the others; draw one metric per figure, or leave limits out"
        )


def a_positive_size(declared: Declaration) -> Iterator[str]:
    """Check that something is measured above 0, because a logarithmic axis cannot show 0."""
    axis = declared.experiment.axis or ""
    if not any(size > 0 for size in declared.experiment.sizes[axis]):
        yield (
            f"{declared.at}.experiment: {declared.figure.kind} draws {axis} above 0, and {declared.figure.experiment} "
            "has only 0; add others"
        )


def a_limit(declared: Declaration) -> Iterator[str]:
    """Check that a variant limits its KL divergence."""
    if all(variant.kl is None for _, variant in declared.variants):
        names = ", ".join(declared.names)
        yield f"{declared.at}.variants: {declared.figure.kind} compares with a limit; set kl in one of {names}"


def a_pair(declared: Declaration) -> Iterator[str]:
    """Check that there are two variants to compare."""
    if len(declared.names) < _LEAST_COMPARED:
        yield (
            f"{declared.at}.variants: {declared.figure.kind} compares variants with the first one, and only "
            f"{', '.join(declared.names)} is drawn; name {_LEAST_COMPARED} or more"
        )


def a_tuned_rate(declared: Declaration) -> Iterator[str]:
    """Check that the learning rate of a variant is tuned."""
    if not any(variant.is_tuned for _, variant in declared.variants):
        yield (
            f"{declared.at}.variants: {declared.figure.kind} draws tuned learning rates, and those of "
            f"{', '.join(declared.names)} are not; name a variant with learning_rate: tuned"
        )


def one_batch_size(declared: Declaration) -> Iterator[str]:
    """Check that all variants are measured at the batch size that is drawn."""
    sizes: dict[int, list[str]] = {}
    for name, variant in declared.variants:
        sizes.setdefault(variant.batch, []).append(name)
    if uses_batches_of_variants(declared.experiment) and len(sizes) > 1:
        found = "; ".join(f"{size}: {', '.join(names)}" for size, names in sorted(sizes.items()))
        yield (
            f"{declared.at}.variants: {declared.figure.kind} draws one batch size, and the variants have several "
            f"({found}); name variants with the same batch, or sweep variant.batch in {declared.figure.experiment}"
        )


def uses_batches_of_variants(experiment: Experiment) -> bool:
    """Return whether each variant is measured at its own batch size, which the experiment does not sweep."""
    return "batch" not in experiment.sizes and "variant.batch" not in experiment.sweep


def a_partner(declared: Declaration) -> Iterator[str]:
    """Check that a baseline is compared with the same estimator without one."""
    experiment, name = declared.experiment, declared.figure.experiment
    partners = without_baseline(experiment, experiment.variants, declared.known)
    if partners.keys().isdisjoint(declared.names):
        others = without_baseline(experiment, declared.known, declared.known)
        fitting = [*dict.fromkeys(others[one] for one in declared.names if one in others)]
        remedy = f"add {' or '.join(fitting)}" if fitting else "add one with baseline: none"
        yield (
            f"{declared.at}.experiment: {declared.figure.kind} compares a baseline with a variant that has none and "
            f"the same returns, discount and normalisation, and for {', '.join(declared.names)} there is none in "
            f"{name}; {remedy} to experiments.{name}.variants"
        )


def without_baseline(experiment: Experiment, names: Iterable[str], variants: Mapping[str, Variant]) -> dict[str, str]:
    """Map variants with a baseline to the first of `names` with none, the same weights and measured batch size."""

    def weights(name: str) -> tuple[object, ...]:
        one = variants[name]
        batch = one.batch if uses_batches_of_variants(experiment) else None
        return one.returns, one.discount, one.discount_states, one.normalise_advantages, batch

    bare = [name for name in names if variants[name].baseline.name == "none"]
    others = [name for name in experiment.variants if variants[name].baseline.name != "none"]
    fitting = {name: [one for one in bare if weights(one) == weights(name)] for name in others}
    return {name: found[0] for name, found in fitting.items() if found}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
