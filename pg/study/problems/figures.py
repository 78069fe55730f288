"""What is wrong between the figures of a study and the experiments that they draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pg.core.suggestions import listed, unknown
from pg.experiments.figures import FIGURES, LEAST_LEVELS, REWARD_LEVELS
from pg.experiments.metrics import METRICS, NEEDING_A_THRESHOLD
from pg.experiments.records import Experiment
from pg.plotting.record import Figure
from pg.study.expansion import cells, swept
from pg.study.pooling import pool_of, problems_of_pool, shared_variants
from pg.study.record import Study


def problems_of_figures(study: Study) -> Iterator[str]:
    """Say which figures cannot be drawn from the experiments that they name, and why."""
    for name, figure in study.figures.items():
        at = f"figures.{name}"
        kinds = unknown(f"{at}.kind", [figure.kind], FIGURES)
        names = [
            *(f"{problem}; what each shows: pg/experiments" for problem in kinds),
            *unknown(f"{at}.experiment", [figure.experiment], study.experiments),
            *unknown(f"{at}.pooled", figure.pooled, study.experiments),
        ]
        yield from names or _figure_reference_problems(study, at, figure)


def _figure_reference_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    fitting = FIGURES[figure.kind].kinds_of_experiment
    yield from unknown(f"{at}.environments", figure.environments, experiment.environments)
    yield from unknown(f"{at}.variants", figure.variants, shared_variants(study, pool_of(figure)))
    if figure.metrics and figure.kind != "against_level":
        yield f"{at}.metrics: {figure.kind} draws metrics of its own; leave them out"
    for key, name in (("experiment", figure.experiment), *(("pooled", name) for name in figure.pooled)):
        if (kind := study.experiments[name].kind) not in fitting:
            others = listed(other for other, draws in FIGURES.items() if kind in draws.kinds_of_experiment)
            yield (
                f"{at}.{key}: {figure.kind} draws {' or '.join(fitting)} experiments, not {kind}; "
                f"{kind} experiments are drawn by:{others}"
            )
            return
    yield from _pool_problems(study, at, figure)
    yield from _missing_options(at, figure, experiment)
    if problems := _PROBLEMS_OF_KIND.get(figure.kind):
        yield from problems(study, at, figure)


def _pool_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    across = [kind for kind, one in FIGURES.items() if "across" in one.tables]
    if figure.kind in across:
        if figure.environments:
            yield f"{at}.environments: {figure.kind} pools every environment with a threshold; leave environments out"
        yield from problems_of_pool(study, f"{at}.experiment", pool_of(figure))
    elif figure.pooled:
        yield f"{at}.pooled: {figure.kind} draws one experiment; only {' and '.join(across)} pool several"


def _missing_options(at: str, figure: Figure, experiment: Experiment) -> Iterator[str]:
    """Say which options an experiment must declare for a figure to have something to draw."""
    needed = {"sampled_variance": "sampled_batches", "steps_to_pass": "evaluate"}
    option = "tuning" if "tuned" in FIGURES[figure.kind].tables else needed.get(figure.kind)
    if option is not None and getattr(experiment, option, None) is None:
        yield f"{at}.experiment: {figure.experiment} declares no {option} to draw"


def _threshold_figure_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    for environment in figure.environments or study.experiments[figure.experiment].environments:
        if study.environments[environment].threshold is None:
            yield (
                f"{at}.environments: {environment} declares no threshold; give environments.{environment} one, or name "
                "the environments that the figure shows"
            )


def _reward_figure_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    sweep = study.experiments[figure.experiment].sweep
    drawn = [path for path in REWARD_LEVELS if len(set(sweep.get(path, ()))) >= LEAST_LEVELS]
    if len(drawn) != 1:
        yield (
            f"{at}.experiment: {figure.experiment} must sweep one of {' and '.join(REWARD_LEVELS)} over "
            f"{LEAST_LEVELS} values or more, not {len(drawn)} of them"
        )


def _bias_figure_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    if not _sweeps_one_number(experiment):
        found = ", ".join(experiment.sweep) or "nothing"
        yield (
            f"{at}.experiment: bias_and_variance draws a sweep of one option over numbers, as variant.returns.lambda; "
            f"{figure.experiment} sweeps {found}"
        )


def _sweeps_one_number(experiment: Experiment) -> bool:
    numbers = (int, float)
    return len(experiment.sweep) == 1 and all(
        isinstance(value, numbers) and not isinstance(value, bool)
        for values in experiment.sweep.values()
        for value in values
    )


def _level_figure_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    fitting = [name for name, metric in METRICS.items() if experiment.kind in metric.kinds]
    if not figure.metrics:
        yield f"{at}.metrics: is missing: name what to draw; allowed:{listed(fitting)}"
    yield from unknown(f"{at}.metrics", figure.metrics, fitting)
    if len(levels := swept(experiment)) != 1:
        found = " and ".join(levels) or "nothing"
        yield f"{at}.experiment: {figure.kind} draws one swept option, and {figure.experiment} sweeps {found}"
    for path, values in levels.items():
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                yield f"{at}.experiment: {path}: {value!r} has no place on a logarithmic axis; sweep positive numbers"
    for metric in NEEDING_A_THRESHOLD.intersection(figure.metrics):
        for environment in figure.environments or experiment.environments:
            if study.environments[environment].threshold is None:
                yield f"{at}.metrics: {metric} needs a threshold, and {environment} declares none"


def _limit_figure_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    drawn = figure.variants or study.experiments[figure.experiment].variants
    if all(cell.variant.kl is None for cell in cells(study, figure.experiment) if cell.variant_name in drawn):
        yield f"{at}.variants: {figure.kind} compares with a limit; give one of {', '.join(drawn)} an option kl"


_PROBLEMS_OF_KIND: Mapping[str, Callable[[Study, str, Figure], Iterator[str]]] = {
    "steps_to_threshold": _threshold_figure_problems,
    "against_rewards": _reward_figure_problems,
    "against_level": _level_figure_problems,
    "bias_and_variance": _bias_figure_problems,
    "realised_kl": _limit_figure_problems,
}
