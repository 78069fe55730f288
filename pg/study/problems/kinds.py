"""What is wrong with an experiment of one kind alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from pg.core.suggestions import unknown
from pg.environments.catalogue import HUMANOIDS, horizon_of, mdp_of, trajectories_of
from pg.environments.mdp import MOST_COUNTED
from pg.experiments.records import (
    ExactExperiment,
    Experiment,
    GaitExperiment,
    HorizonExperiment,
    ProbeExperiment,
    StalenessExperiment,
    SupportExperiment,
    TrainExperiment,
    UpdateExperiment,
)
from pg.study.expansion import cells, is_tuned
from pg.study.problems.environments import problems_of_tables, unknown_quantities
from pg.study.record import Study

_DIGITS = 100


def problems_of_kind(study: Study, name: str) -> Iterator[str]:
    """Say what is wrong with an experiment that could be right in one of another kind."""
    if problems := _PROBLEMS_OF_KIND.get(type(study.experiments[name])):
        yield from problems(study, name)


def _train_problems(study: Study, name: str) -> Iterator[str]:
    experiment = study.experiments[name]
    assert isinstance(experiment, TrainExperiment)
    if experiment.evaluate is not None and experiment.evaluate.passed_at is None:
        yield from _threshold_problems(study, name, experiment.evaluate.horizon)
    if experiment.tuning is not None:
        return
    tuned = {cell.variant_name for cell in cells(study, name) if is_tuned(cell)}
    for variant in sorted(tuned):
        yield (
            f"experiments.{name}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
            "add tuning: {grid: [...], seeds: ...} or give the variant a number"
        )


def _threshold_problems(study: Study, name: str, judged_at: int | None) -> Iterator[str]:
    """Say where no threshold can take the place of the return that an evaluation must reach."""
    unjudged = [cell.environment_name for cell in cells(study, name) if cell.environment.threshold is None]
    for environment in dict.fromkeys(unjudged):
        yield (
            f"experiments.{name}.evaluate.passed_at: is missing, and {environment} declares no threshold to take its "
            "place; give the return that an episode must reach, or the environment a threshold"
        )
    trained = ((cell.environment_name, horizon_of(cell.environment)) for cell in cells(study, name))
    for environment, horizon in dict.fromkeys(trained):
        if judged_at not in (None, horizon) and environment not in unjudged:
            yield (
                f"experiments.{name}.evaluate.passed_at: is missing, and the threshold of {environment} is of "
                f"trajectories of {horizon} steps where evaluate.horizon: {judged_at}; give the return that an "
                "episode of an evaluation must reach"
            )


def _probe_problems(study: Study, name: str) -> Iterator[str]:
    if "variant.batch" in study.experiments[name].sweep:
        yield f"experiments.{name}.sweep: variant.batch has no effect in a probe; list batch sizes under sample.batches"


def _update_problems(study: Study, name: str) -> Iterator[str]:
    for variant in sorted({cell.variant_name for cell in cells(study, name) if is_tuned(cell)}):
        yield (
            f"experiments.{name}.variants: the learning rate of {variant} is 'tuned', and one update tunes nothing; "
            "give optimizer.learning_rate a number"
        )


def _staleness_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}.walk.variant", study.experiments[name]
    assert isinstance(experiment, StalenessExperiment)
    if problems := list(unknown(at, [experiment.walk.variant], study.variants)):
        yield from problems
        return
    walker = study.variants[experiment.walk.variant]
    if walker.kl is not None and walker.kl.chooses_step:
        yield (
            f"{at}: {experiment.walk.variant} goes as far as its limit in a single step, and a walk follows many; "
            "name a variant with a learning rate"
        )
    elif walker.optimizer.learning_rate == "tuned":
        yield (
            f"{at}: the learning rate of {experiment.walk.variant} is 'tuned', and a walk tunes nothing; "
            "give optimizer.learning_rate a number"
        )
    yield from dict.fromkeys(
        f"{at}: {experiment.walk.variant} {problem}"
        for cell in cells(study, name)
        for problem in unknown_quantities(walker, cell.environment_name, cell.environment)
    )


def _horizon_problems(study: Study, name: str) -> Iterator[str]:
    experiment = study.experiments[name]
    assert isinstance(experiment, HorizonExperiment)
    for environment in experiment.environments:
        own, longest = horizon_of(study.environments[environment]), max(experiment.horizons)
        if longest > own:
            yield (
                f"experiments.{name}.horizons: trajectories of {environment} end after {own} steps, and cannot be cut "
                f"off at {longest}; allowed: 1 to {own}"
            )
    with_network = {cell.variant_name for cell in cells(study, name) if cell.variant.baseline.values_from == "network"}
    for variant in sorted(with_network):
        yield (
            f"experiments.{name}.variants: {variant} has a value network, which knows one horizon, and horizon "
            "experiments cut trajectories off at several; any other baseline is allowed"
        )


def _gait_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}", study.experiments[name]
    assert isinstance(experiment, GaitExperiment)
    trained = experiment.source.variant
    if experiment.variants != (trained,):
        yield (
            f"{at}.variants: {', '.join(experiment.variants)}: a gait experiment compares no estimators; name the "
            f"variant alone that has trained the policies: {trained}"
        )
    for path in experiment.sweep:
        # What else may be swept is refused wherever policies come from a source.
        if path.startswith("variant.") and not path.startswith("variant.policy"):
            yield f"{at}.sweep: {path} has no effect, because the policies are trained as {trained} declares"
    for environment in experiment.environments:
        declared = study.environments[environment]
        if declared.id not in HUMANOIDS:
            yield (
                f"{at}.environments: {environment} ({declared.id}) has no gait that is known how to watch; "
                f"allowed: {', '.join(HUMANOIDS)}"
            )
        if "xml_file" in declared.kwargs:
            yield f"{at}.environments: {environment} has a body of its own (xml_file), whose parts are not known"
        if not declared.kwargs.get("terminate_when_unhealthy", True):
            yield (
                f"{at}.environments: {environment} goes on after a fall (terminate_when_unhealthy: false), and falls "
                "are counted where an episode ends by one"
            )


def _support_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}", study.experiments[name]
    assert isinstance(experiment, SupportExperiment)
    if without := list(problems_of_tables(study, name)):
        yield from without
        return
    for cell in cells(study, name):
        if cell.variant.baseline.values_from == "network":
            yield (
                f"{at}.variants: {cell.variant_name} has a value network, which is fitted to trajectories of its "
                "policy, and support experiments draw none; allowed are baselines none, constant and exact"
            )
        if cell.variant.baseline.made_from_batch or cell.variant.normalise_advantages:
            yield (
                f"{at}.variants: {cell.variant_name} is made from its whole batch, and support experiments enumerate "
                "single trajectories; allowed are baselines none, constant and exact without normalisation"
            )
        mdp, count = mdp_of(cell.environment), trajectories_of(cell.environment)
        if mdp is not None and experiment.action >= mdp.actions:
            yield f"{at}.action: {cell.environment_id} has actions 0 to {mdp.actions - 1}, not {experiment.action}"
        if count > experiment.limit:
            yield (
                f"{at}.limit: {cell.environment_id} has {_in_words(count)} trajectories; {experiment.limit:,} are "
                "allowed: shorten the horizon, or raise the limit"
            )


def _enumeration_problems(study: Study, name: str) -> Iterator[str]:
    experiment = study.experiments[name]
    assert isinstance(experiment, ExactExperiment)
    if without := list(problems_of_tables(study, name)):
        yield from without
        return
    largest = {cell.environment_id: cell for cell in sorted(cells(study, name), key=lambda cell: cell.variant.batch)}
    for cell in largest.values():
        trajectories, size = trajectories_of(cell.environment), cell.variant.batch
        # The number itself may have a billion digits.
        digits = size * math.log10(trajectories)
        if digits > _DIGITS or trajectories**size > experiment.limit:
            made = f"{trajectories**size:.3g}" if digits <= _DIGITS else f"10^{digits:.3g}"
            yield (
                f"experiments.{name}.limit: {cell.environment_id} has {_in_words(trajectories)} trajectories, and "
                f"batches of {size} make {made} of them; {experiment.limit:,} are allowed: shorten the horizon, "
                "sweep smaller batches, or raise the limit"
            )


def _in_words(count: int) -> str:
    return f"more than {MOST_COUNTED:.0e}" if count > MOST_COUNTED else f"{count:,}"


_PROBLEMS_OF_KIND: Mapping[type[Experiment], Callable[[Study, str], Iterator[str]]] = {
    TrainExperiment: _train_problems,
    ProbeExperiment: _probe_problems,
    ExactExperiment: _enumeration_problems,
    UpdateExperiment: _update_problems,
    SupportExperiment: _support_problems,
    StalenessExperiment: _staleness_problems,
    HorizonExperiment: _horizon_problems,
    GaitExperiment: _gait_problems,
}
