"""What is wrong between the records of a study, or between its experiments and the registry of environments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from pydantic import BaseModel, ValidationError

from pg.environments.catalogue import HUMANOIDS, UnsupportedEnvironment, check, horizon_of, mdp_of, trajectories_of
from pg.environments.mdp import MOST_COUNTED
from pg.environments.registry import OWN
from pg.study.claim_problems import problems_of_claims
from pg.study.cost import problems_of_number, problems_of_size
from pg.study.demonstrators import demonstrator_problems
from pg.study.expansion import cells, is_tuned
from pg.study.figure_problems import problems_of_figures
from pg.study.jobs import source_of
from pg.study.model import (
    FROM_THE_BATCH,
    Environment,
    ExactExperiment,
    Experiment,
    GaitExperiment,
    HorizonExperiment,
    ProbeExperiment,
    Source,
    StalenessExperiment,
    Study,
    SupportExperiment,
    TrainExperiment,
    UpdateExperiment,
    Variant,
)
from pg.study.wording import keys_of, model_in, nearest, plain, unknown

_DIGITS = 100
_LONGEST_ID = 200  # of the 255 bytes that file systems allow in a name
_TABULAR = f"allowed: {', '.join(OWN)}, or any environment with a transition table, as FrozenLake-v1"


def problems_of(study: Study) -> list[str]:
    """List what is wrong with a study whose records are legal one by one.

    Each check relies on those before it: an experiment is judged in environments that can be made.
    """
    for problems in (problems_of_number, _environment_problems, _experiment_problems, demonstrator_problems):
        if found := list(problems(study)):
            return found
    return [*problems_of_figures(study), *problems_of_claims(study)]


def _environment_problems(study: Study) -> Iterator[str]:
    for name, environment in study.environments.items():
        try:
            check(environment)
        except UnsupportedEnvironment as error:
            yield f"environments.{name}.{error}"


def _length_problems(study: Study, name: str) -> Iterator[str]:
    """Refuse levels whose names are too long for a folder, before a job meets the file system's refusal."""
    ids = {id for cell in cells(study, name) for id in (cell.environment_id, cell.variant_id)}
    longest = max(ids, key=len)
    if len(longest) > _LONGEST_ID:
        yield (
            f"experiments.{name}.sweep: names of folders would have {len(longest)} characters, as {longest[:60]}…; "
            f"allowed: {_LONGEST_ID}; sweep fewer paths in one experiment, or give the variants as such"
        )


def _level_problems(study: Study, name: str) -> Iterator[str]:
    """Check the environments of a sweep's levels, as declared ones are."""
    if any(path.startswith("environment.") for path in study.experiments[name].sweep):
        for id, environment in {cell.environment_id: cell.environment for cell in cells(study, name)}.items():
            try:
                check(environment)
            except UnsupportedEnvironment as error:
                yield f"experiments.{name}.sweep: {id}: {error}"


def _experiment_problems(study: Study) -> Iterator[str]:
    for name, experiment in study.experiments.items():
        at = f"experiments.{name}"
        known = [
            *unknown(f"{at}.environments", experiment.environments, study.environments),
            *unknown(f"{at}.variants", experiment.variants, study.variants),
            *_sweep_path_problems(at, experiment),
        ]
        yield from known
        if known:
            continue
        try:
            cells(study, name)
        except ValidationError as error:
            first = error.errors()[0]
            # Keys hold no space: what does is the name of an alternative that was tried.
            path = ".".join(step for step in map(str, first["loc"]) if " " not in step)
            yield f"{at}.sweep: a level is not legal: {path + ': ' if path else ''}{plain(first['msg'])}"
            continue
        if levels := [*_length_problems(study, name), *_level_problems(study, name)]:
            yield from levels
            continue
        if huge := list(problems_of_size(study, name)):
            yield from huge
            continue
        yield from _exact_values_problems(study, name)
        yield from _scaling_problems(study, name)
        if (source := source_of(study, name)) is not None:
            yield from _source_problems(study, at, experiment, source)
        yield from _PROBLEMS_OF_KIND.get(type(experiment), _no_problems)(study, name)


def _sweep_path_problems(at: str, experiment: Experiment) -> Iterator[str]:
    roots: dict[str, type[BaseModel]] = {"variant": Variant, "environment": Environment}
    for path in experiment.sweep:
        root, *keys = path.split(".")
        if root not in roots or not keys:
            yield f"{at}.sweep: {path!r} must begin with 'variant.' or 'environment.'{nearest(path, roots)}"
            continue
        place: type[BaseModel] | None = roots[root]
        for key in keys:
            if place is None:
                # Keys of a free mapping, such as an environment's kwargs, are checked when a copy is made.
                break
            fields = keys_of(place)
            if key not in fields:
                yield f"{at}.sweep: {path!r} names no option{nearest(key, fields)}"
                break
            place = model_in(fields[key].annotation)


def _train_problems(study: Study, name: str) -> Iterator[str]:
    yield from _evaluation_problems(study, name)
    if getattr(study.experiments[name], "tuning", None) is not None:
        return
    tuned = {cell.variant_name for cell in cells(study, name) if is_tuned(cell)}
    for variant in sorted(tuned):
        yield (
            f"experiments.{name}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
            "add tuning: {grid: [...], seeds: ...} or give the variant a number"
        )


def _evaluation_problems(study: Study, name: str) -> Iterator[str]:
    evaluate = getattr(study.experiments[name], "evaluate", None)
    if evaluate is None or evaluate.passed_at is not None:
        return
    unjudged = [cell.environment_name for cell in cells(study, name) if cell.environment.threshold is None]
    for environment in dict.fromkeys(unjudged):
        yield (
            f"experiments.{name}.evaluate.passed_at: is missing, and {environment} declares no threshold to take its "
            "place; give the return that an episode must reach, or the environment a threshold"
        )
    trained = ((cell.environment_name, horizon_of(cell.environment)) for cell in cells(study, name))
    for environment, horizon in dict.fromkeys(trained):
        if evaluate.horizon not in (None, horizon) and environment not in unjudged:
            yield (
                f"experiments.{name}.evaluate.passed_at: is missing, and the threshold of {environment} is of "
                f"trajectories of {horizon} steps where evaluate.horizon: {evaluate.horizon}; give the return that an "
                "episode of an evaluation must reach"
            )


def _source_problems(study: Study, at: str, experiment: Experiment, source: Source) -> Iterator[str]:
    trained = study.experiments.get(source.experiment)
    if not isinstance(trained, TrainExperiment):
        training = [name for name, other in study.experiments.items() if isinstance(other, TrainExperiment)]
        yield from unknown(f"{at}.source.experiment", [source.experiment], training)
        return
    yield from unknown(f"{at}.source.variant", [source.variant], trained.variants)
    yield from unknown(f"{at}.source.stages", source.stages, trained.snapshots)
    yield from unknown(f"{at}.environments", experiment.environments, trained.environments)
    if trained.sweep:
        yield f"{at}.source.experiment: {source.experiment} sweeps; what is measured needs one policy per seed"
    for path in experiment.sweep:
        if path.startswith("environment.") and not path.startswith("environment.rewards"):
            yield (
                f"{at}.sweep: {path}: snapshots are measured in their own environment, which cannot be swept; "
                "allowed: environment.rewards, which are no part of a policy"
            )
        if path.startswith("variant.policy"):
            yield f"{at}.sweep: {path} has no effect, because the policies are those of {source.variant}"
    wanted = range(experiment.seeds.first, experiment.seeds.first + experiment.seeds.count)
    held = range(trained.seeds.first, trained.seeds.first + trained.seeds.count)
    if wanted.start < held.start or wanted.stop > held.stop:
        yield (
            f"{at}.seeds: {wanted.start} to {wanted.stop - 1} are asked for, "
            f"but {source.experiment} trains {held.start} to {held.stop - 1}"
        )


def _probe_problems(study: Study, name: str) -> Iterator[str]:
    if "variant.batch" in study.experiments[name].sweep:
        yield f"experiments.{name}.sweep: variant.batch has no effect in a probe; list batch sizes under sample.batches"


def _exact_values_problems(study: Study, name: str) -> Iterator[str]:
    problems = {
        f"experiments.{name}.variants: {cell.variant_name} {problem}": None
        for cell in cells(study, name)
        for problem in _unknown_quantities(cell.variant, cell.environment_name, cell.environment)
    }
    yield from problems


def _unknown_quantities(variant: Variant, name: str, environment: Environment) -> Iterator[str]:
    """Tell which exact quantities a variant wants that are not known of an environment."""
    for wanted in _read_from_tables(variant):
        if mdp_of(environment) is None:
            yield f"{wanted}, and {name} ({environment.id}) has no tables to compute them from; {_TABULAR}"
    if variant.baseline == "exact" and environment.rewards.paid == "at_end":
        yield (
            f"subtracts exact values, and where {name} pays at_end what is still to come depends on what has been "
            "earned before and is no value of a state; allowed with baseline: exact: when_earned or terminal_only"
        )


def _scaling_problems(study: Study, name: str) -> Iterator[str]:
    """Refuse normalised observations where policies are random, for these have seen nothing."""
    if isinstance(study.experiments[name], TrainExperiment) or source_of(study, name) is not None:
        return
    normalised = [cell.environment_name for cell in cells(study, name) if cell.environment.observations.normalise]
    for environment in dict.fromkeys(normalised):
        yield (
            f"experiments.{name}.environments: {environment} normalises observations, and the random policies of "
            f"{study.experiments[name].kind} experiments have seen nothing to normalise by; allowed: "
            "observations.normalise: false"
        )


def _read_from_tables(variant: Variant) -> Iterator[str]:
    if variant.baseline == "exact":
        yield "subtracts exact values"
    if variant.importance == "exact_state":
        yield "weights by exact ratios of state probabilities"


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
    if walker.kl is not None and walker.kl.hold_by == "natural_gradient":
        yield (
            f"{at}: {experiment.walk.variant} goes as far as its limit in a single step, and a walk follows many; "
            "name a variant with a learning rate"
        )
    elif walker.optimizer.learning_rate == "tuned":
        yield (
            f"{at}: the learning rate of {experiment.walk.variant} is 'tuned', and a walk tunes nothing; "
            "give optimizer.learning_rate a number"
        )
    problems = {
        f"{at}: {experiment.walk.variant} {problem}": None
        for cell in cells(study, name)
        for problem in _unknown_quantities(walker, cell.environment_name, cell.environment)
    }
    yield from problems


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
    with_network = {cell.variant_name for cell in cells(study, name) if cell.variant.baseline == "value_network"}
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


def _table_problems(study: Study, name: str) -> Iterator[str]:
    for environment in study.experiments[name].environments:
        if mdp_of(study.environments[environment]) is None:
            id = study.environments[environment].id
            yield f"experiments.{name}.environments: {environment} ({id}) has no tables to enumerate; {_TABULAR}"


def _support_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}", study.experiments[name]
    assert isinstance(experiment, SupportExperiment)
    if without := list(_table_problems(study, name)):
        yield from without
        return
    for cell in cells(study, name):
        if cell.variant.baseline == "value_network":
            yield (
                f"{at}.variants: {cell.variant_name} has a value network, which is fitted to trajectories of its "
                "policy, and support experiments draw none; allowed are baselines none, constant and exact"
            )
        if cell.variant.baseline in FROM_THE_BATCH or cell.variant.normalise_advantages:
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
    if without := list(_table_problems(study, name)):
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


def _no_problems(_study: Study, _name: str) -> Iterator[str]:
    return iter(())


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
