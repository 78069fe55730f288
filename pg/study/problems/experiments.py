"""Check experiments of all kinds against what they name: sweep paths, levels, policies."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError

from pg.core.record import Record
from pg.core.suggestions import nearest, unknown
from pg.environments import catalogue
from pg.environments.record import Environment
from pg.experiments.kind import Declared, Experiment, Source
from pg.parts.part import Part
from pg.parts.variant import Variant
from pg.study.cost import problems_of_size
from pg.study.expansion import cells
from pg.study.problems.environments import (
    problems_of_levels,
    problems_of_quantities,
    problems_of_tables,
    unknown_quantities,
)
from pg.study.record import Study
from pg.study.wording import keys_of, model_in, plain

_LONGEST_ID = 200  # of the 255 bytes that file systems allow in a name


def problems_of_experiments(study: Study) -> Iterator[str]:
    """Yield a message per problem; each check relies on those before it."""
    for name in study.experiments:
        for problems in (_name_problems, _illegal_levels, _unusable_levels, problems_of_size, _misfits):
            if found := list(problems(study, name)):
                yield from found
                break


def _name_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}", study.experiments[name]
    yield from unknown(f"{at}.environments", experiment.environments, study.environments)
    yield from unknown(f"{at}.variants", experiment.variants, study.variants)
    for key, variant in experiment.other_variants.items():
        yield from unknown(f"{at}.{key}", [variant], study.variants)
    yield from _sweep_path_problems(at, experiment)


def _sweep_path_problems(at: str, experiment: Experiment) -> Iterator[str]:
    roots: dict[str, type[BaseModel]] = {"variant": Variant, "environment": Environment}
    for path in experiment.sweep:
        root, *keys = path.split(".")
        if root not in roots or not keys:
            yield f"{at}.sweep: {path!r} must begin with 'variant.' or 'environment.'{nearest(path, roots)}"
            continue
        place: type[BaseModel] | None = roots[root]
        for key in keys:
            if place is not None and issubclass(place, Part):
                # The options depend on the part of each variant; they are checked when cells are made.
                break
            if place is None:
                # Keys of a free mapping, such as an environment's kwargs, are checked when a copy is made.
                break
            fields = keys_of(place)
            if key not in fields:
                moved = place.moved_keys.get(key) if issubclass(place, Record) else None
                yield f"{at}.sweep: {path!r} {moved or f'names no option{nearest(key, fields)}'}"
                break
            place = model_in(fields[key].annotation)


def _illegal_levels(study: Study, name: str) -> Iterator[str]:
    try:
        cells(study, name)
    except ValidationError as error:
        first = error.errors()[0]
        # A step with a space is not a key but the name of a union member that pydantic tried.
        path = ".".join(step for step in map(str, first["loc"]) if " " not in step)
        yield f"experiments.{name}.sweep: a level is not legal: {path + ': ' if path else ''}{plain(first['msg'])}"


def _unusable_levels(study: Study, name: str) -> Iterator[str]:
    yield from _length_problems(study, name)
    yield from problems_of_levels(study, name)


def _length_problems(study: Study, name: str) -> Iterator[str]:
    """Refuse levels with names too long for a folder, before a job fails in the file system."""
    ids = {id for cell in cells(study, name) for id in (cell.environment_id, cell.variant_id)}
    longest = max(ids, key=len)
    if len(longest) > _LONGEST_ID:
        yield (
            f"experiments.{name}.sweep: names of folders would have {len(longest)} characters, as {longest[:60]}…; "
            f"allowed: {_LONGEST_ID}; sweep fewer paths in one experiment, or declare the combinations as variants"
        )


def _misfits(study: Study, name: str) -> Iterator[str]:
    """Yield the variants, environments and policies that do not fit each other, or the kind of experiment."""
    experiment = study.experiments[name]
    yield from problems_of_quantities(study, name)
    yield from _scaling_problems(study, name)
    if (source := experiment.policies_from) is not None:
        yield from _source_problems(study, f"experiments.{name}", experiment, source)
    if experiment.needs_tables and (without := list(problems_of_tables(study, name))):
        yield from without
        return
    yield from experiment.problems(Declared(name, cells(study, name), study.environments, study.variants, catalogue))
    yield from _problems_of_other_variants(study, name)


def _problems_of_other_variants(study: Study, name: str) -> Iterator[str]:
    yield from dict.fromkeys(
        f"experiments.{name}.{key}: {variant} {problem}"
        for key, variant in study.experiments[name].other_variants.items()
        for cell in cells(study, name)
        for problem in unknown_quantities(study.variants[variant], cell.environment_name, cell.environment)
    )


def _scaling_problems(study: Study, name: str) -> Iterator[str]:
    """Refuse normalised observations for random policies, which have no observations to normalise by."""
    if name in study.training or study.experiments[name].policies_from is not None:
        return
    normalised = [cell.environment_name for cell in cells(study, name) if cell.environment.observations.normalise]
    for environment in dict.fromkeys(normalised):
        yield (
            f"experiments.{name}.environments: {environment} normalises observations, and the random policies of "
            f"{study.experiments[name].kind} experiments have no observations to normalise by; allowed: "
            "observations.normalise: false"
        )


def _source_problems(study: Study, at: str, experiment: Experiment, source: Source) -> Iterator[str]:
    trained = study.training.get(source.experiment)
    if trained is None:
        yield from unknown(f"{at}.source.experiment", [source.experiment], study.training)
        return
    yield from unknown(f"{at}.source.variant", [source.variant], trained.variants)
    yield from unknown(f"{at}.source.stages", source.stages, trained.snapshots)
    for problem in unknown(f"{at}.environments", experiment.environments, trained.environments):
        yield f"{problem}; its policies come from {source.experiment}, which trains in these"
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
    if not experiment.seeds.within(trained.seeds):
        yield f"{at}.seeds: {experiment.seeds} are asked for, but {source.experiment} trains {trained.seeds}"
