"""What is wrong between the records of a study, or between a study and the registries of environments and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pg.environments.catalogue import UnsupportedEnvironment, check, horizon_of, mdp_of, trajectories_of
from pg.environments.tabular import OWN
from pg.evidence.metrics import METRICS
from pg.presentation.figures import FIGURES
from pg.study.expansion import cells, is_tuned
from pg.study.jobs import source_of, stages_of
from pg.study.model import (
    FROM_THE_BATCH,
    Claim,
    ClaimPart,
    Environment,
    ExactExperiment,
    Experiment,
    Figure,
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
from pg.study.wording import hint, keys_of, model_in, nearest, plain, unknown

_TABULAR = f"allowed: {', '.join(OWN)}, or any environment with a transition table, as FrozenLake-v1"


def problems_of(study: Study) -> list[str]:
    """List what is wrong with a study whose records are legal one by one.

    Each check relies on those before it: an experiment is judged in environments that can be made.
    """
    for problems in (_environment_problems, _experiment_problems, _reference_problems):
        if found := list(problems(study)):
            return found
    return []


def _environment_problems(study: Study) -> Iterator[str]:
    for name, environment in study.environments.items():
        try:
            check(environment)
        except UnsupportedEnvironment as error:
            yield f"environments.{name}.{error}"


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
            path = ".".join(map(str, first["loc"]))
            yield f"{at}.sweep: a level is not legal: {path + ': ' if path else ''}{plain(first['msg'])}"
            continue
        yield from _exact_values_problems(study, name)
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
    if getattr(study.experiments[name], "tuning", None) is not None:
        return
    tuned = {cell.variant_name for cell in cells(study, name) if is_tuned(cell)}
    for variant in sorted(tuned):
        yield (
            f"experiments.{name}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
            "add tuning: {grid: [...], seeds: ...} or give the variant a number"
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
        if path.startswith("environment."):
            yield f"{at}.sweep: {path}: snapshots are measured in their own environment, which cannot be swept"
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
    without = {
        (cell.variant_name, cell.environment_name, wanted): cell.environment.id
        for cell in cells(study, name)
        for wanted in _read_from_tables(cell.variant)
        if mdp_of(cell.environment) is None
    }
    for (variant, environment, wanted), id in without.items():
        yield (
            f"experiments.{name}.variants: {variant} {wanted}, and {environment} ({id}) has no tables to "
            f"compute them from; {_TABULAR}"
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
    for environment in experiment.environments:
        declared = study.environments[environment]
        for wanted in _read_from_tables(walker) if mdp_of(declared) is None else ():
            yield (
                f"{at}: {experiment.walk.variant} {wanted}, and {environment} ({declared.id}) has no tables to "
                f"compute them from; {_TABULAR}"
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
    with_network = {cell.variant_name for cell in cells(study, name) if cell.variant.baseline == "value_network"}
    for variant in sorted(with_network):
        yield (
            f"experiments.{name}.variants: {variant} has a value network, which knows one horizon, and horizon "
            "experiments cut trajectories off at several; any other baseline is allowed"
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
                f"{at}.limit: {cell.environment_id} has {count:,} trajectories; {experiment.limit:,} are allowed: "
                "shorten the horizon, or raise the limit"
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
        if trajectories**size > experiment.limit:
            yield (
                f"experiments.{name}.limit: {cell.environment_id} has {trajectories:,} trajectories, and batches of "
                f"{size} make {trajectories**size:.3g} of them; {experiment.limit:,} are allowed: shorten the horizon, "
                "sweep smaller batches, or raise the limit"
            )


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
}


def _reference_problems(study: Study) -> Iterator[str]:
    yield from _figure_problems(study)
    yield from _claim_problems(study)


def _figure_problems(study: Study) -> Iterator[str]:
    for name, figure in study.figures.items():
        at = f"figures.{name}"
        names = [
            *unknown(f"{at}.kind", [figure.kind], FIGURES),
            *unknown(f"{at}.experiment", [figure.experiment], study.experiments),
        ]
        yield from names or _figure_reference_problems(study, at, figure)


def _figure_reference_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    fitting = FIGURES[figure.kind].kinds_of_experiment
    if experiment.kind not in fitting:
        yield f"{at}.experiment: {figure.kind} draws {' or '.join(fitting)} experiments, not {experiment.kind}"
    if "tuned" in FIGURES[figure.kind].tables and getattr(experiment, "tuning", None) is None:
        yield f"{at}.experiment: {figure.experiment} declares no tuning to draw"
    if figure.kind == "bias_and_variance" and not _sweeps_one_number(experiment):
        swept = ", ".join(experiment.sweep) or "nothing"
        yield (
            f"{at}.experiment: bias_and_variance draws a sweep of one option over numbers, as variant.lambda; "
            f"{figure.experiment} sweeps {swept}"
        )
    if figure.kind == "sampled_variance" and getattr(experiment, "sampled_batches", None) is None:
        yield f"{at}.experiment: {figure.experiment} declares no sampled_batches to compare with"
    yield from unknown(f"{at}.environments", figure.environments, experiment.environments)
    yield from unknown(f"{at}.variants", figure.variants, experiment.variants)
    if figure.kind == "steps_to_threshold":
        for environment in figure.environments or experiment.environments:
            if study.environments[environment].threshold is None:
                yield f"{at}.environments: {environment} declares no threshold"


def _sweeps_one_number(experiment: Experiment) -> bool:
    numbers = (int, float)
    return len(experiment.sweep) == 1 and all(
        isinstance(value, numbers) and not isinstance(value, bool)
        for values in experiment.sweep.values()
        for value in values
    )


def _claim_problems(study: Study) -> Iterator[str]:
    for name, claim in study.claims.items():
        yield from unknown(f"claims.{name}.figure", [claim.figure], study.figures)
        yield from _part_problems_of(study, name, claim)


def _part_problems_of(study: Study, name: str, claim: Claim) -> Iterator[str]:
    for part_name, part in claim.parts.items():
        at = f"claims.{name}.parts.{part_name}"
        names = [
            *unknown(f"{at}.experiment", [part.experiment], study.experiments),
            *unknown(f"{at}.metric", [part.metric], METRICS),
        ]
        yield from names or _part_problems(study, at, part)


def _part_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    experiment = study.experiments[part.experiment]
    kinds = METRICS[part.metric].kinds
    if experiment.kind not in kinds:
        yield f"{at}.metric: {part.metric} is measured by {' or '.join(kinds)} experiments, not {experiment.kind}"
        return
    yield from unknown(f"{at}.environments", part.environments, experiment.environments)
    stages = () if isinstance(experiment, TrainExperiment) else stages_of(study, part.experiment)
    yield from unknown(f"{at}.stages", part.stages, stages)
    sides = {"a": part.a, "b": part.b}
    if part.share_of is not None:
        sides |= {"share_of.zero": part.share_of.zero, "share_of.one": part.share_of.one}
    for side, selection in sides.items():
        if selection is not None:
            yield from _selection_problems(f"{at}.{side}", experiment, selection)
    if part.metric in ("steps_to_threshold", "solved", "censored"):
        for environment in part.environments or experiment.environments:
            if study.environments[environment].threshold is None:
                yield f"{at}.metric: {part.metric} needs a threshold, and {environment} declares none"


def _selection_problems(at: str, experiment: Experiment, selection: Mapping[str, Any]) -> Iterator[str]:
    values: dict[str, Iterable[Any]] = {"variant": experiment.variants, **experiment.sweep}
    if isinstance(experiment, ProbeExperiment):
        values["batch"] = experiment.sample.batches
    values["metric"] = [name for name, metric in METRICS.items() if experiment.kind in metric.kinds]
    if isinstance(experiment, SupportExperiment):
        values["left"] = experiment.left
    if isinstance(experiment, StalenessExperiment):
        values["steps"] = experiment.walk.steps
    if isinstance(experiment, HorizonExperiment):
        values["horizon"] = experiment.horizons
    if "variant" not in selection:
        yield f"{at}: names no variant; variants here: {', '.join(experiment.variants)}"
    for column, value in selection.items():
        if column not in values:
            yield f"{at}.{column}: is no column of this experiment{nearest(column, values)}"
        elif value not in values[column]:
            yield f"{at}.{column}: {value!r} is not one of {', '.join(map(str, values[column]))}" + hint(
                str(value), map(str, values[column])
            )
