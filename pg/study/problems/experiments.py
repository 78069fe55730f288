"""Check environments, and the names, sweeps, levels and sources of policies of all kinds of experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from pg.core.foreign import NoTexts, texts_of
from pg.core.record import Record
from pg.core.suggestions import nearest, unknown
from pg.environments import catalogue
from pg.environments.record import Environment
from pg.environments.registry import OWN
from pg.experiments.cells import Cell
from pg.experiments.kind import Declared, Experiment, Measurement, Source
from pg.parts.part import Part
from pg.parts.variant import Variant
from pg.study.cost import problems_of_size
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.wording import belonging, inside, plain

_LONGEST_ID = 200  # of the 255 bytes that file systems allow in a name
_TABULAR = f"allowed: {', '.join(OWN)}, or any environment with a transition table, for example FrozenLake-v1"


def problems_of_environments(study: Study) -> Iterator[str]:
    """Yield which environments cannot be made, and why."""
    yield from _unsupported({f"environments.{name}.": one for name, one in study.environments.items()})


def _unsupported(environments: Mapping[str, Environment]) -> Iterator[str]:
    """Yield a message for each environment that cannot be made, after its key in the mapping."""
    for beginning, environment in environments.items():
        try:
            catalogue.check(environment)
        except catalogue.UnsupportedEnvironment as error:
            yield f"{beginning}{error}"


def problems_of_experiments(study: Study) -> Iterator[str]:
    """Yield a message per problem; each check relies on those before it."""
    misnamed = {name: list(_name_problems(study, name)) for name in study.experiments}
    for name, experiment in study.experiments.items():
        yield from misnamed[name]
        # What a source misnames would be offered as the names of its variants and environments.
        if misnamed[name] or (experiment.policies_from and misnamed.get(experiment.policies_from.experiment)):
            continue
        for problems in (_illegal_levels, _unusable_levels, problems_of_size, _misfits):
            if found := list(problems(study, name)):
                yield from found
                break


def _name_problems(study: Study, name: str) -> Iterator[str]:
    at, experiment = f"experiments.{name}", study.experiments[name]
    further = experiment.more_tables if isinstance(experiment, Measurement) else ()
    for table in ("summary", *experiment.tables, *further):
        if f"{name}-{table}" in study.experiments:
            yield f"experiments.{name}-{table}: has the name of a table of {name}; choose another name"
    yield from unknown(f"{at}.environments", experiment.environments, study.declared("environments"))
    yield from unknown(f"{at}.variants", experiment.variants, study.declared("variants"))
    for key, variant in experiment.other_variants.items():
        yield from unknown(f"{at}.{key}", [variant], study.declared("variants"))
    yield from _overwritten(f"{at}.sweep", experiment.sweep)
    # Records with all defaults, to find the options that a path may name.
    roots = {"variant": Variant(), "environment": Environment(id="")}
    for path in experiment.sweep:
        root, *keys = path.split(".")
        if root not in roots or not keys:
            yield f"{at}.sweep: {path!r} must begin with 'variant.' or 'environment.'{nearest(path, roots)}"
            continue
        place: object = roots[root]
        for key in keys:
            # Making the cells checks options of parts, of mappings with any keys, and of options that default to null.
            if not isinstance(place, Record) or isinstance(place, Part):
                break
            if key not in place.file_keys():
                belongs = _place_of(key, root, roots[root]) or nearest(key, place.file_keys())
                problem = place.moved_keys.get(key, f"names no option{belongs}")
                yield f"{at}.sweep: {path!r} {problem}"
                break
            place = getattr(place, key)


def _place_of(key: str, root: str, record: Record) -> str:
    """Return which path names an option, or where it belongs, as the end of a message; empty if that is unclear."""
    here = key in record.file_keys()
    paths = [f"{root}.{key}"] if here else [f"{root}.{one}.{key}" for one in inside(key, None, type(record))]
    return f"; write {' or '.join(paths)}" if paths else belonging(key, None, f"{root}s")


def _overwritten(at: str, sweep: Mapping[str, tuple[Any, ...]]) -> Iterator[str]:
    """Refuse paths whose values another path of the sweep replaces: levels are set in order."""
    paths = list(sweep)
    for place, path in enumerate(paths):
        for other in paths:
            keys = path.removeprefix(f"{other}.").split(".")
            if not path.startswith(f"{other}."):
                continue
            if place < paths.index(other):
                yield f"{at}: {path!r} has no effect, because {other!r} replaces it; list {other!r} first"
            elif any(isinstance(level, dict) and keys[0] in level for level in sweep[other]):
                yield f"{at}: {path!r} replaces {keys[0]!r} in values of {other!r}; leave it out of one of them"


def _illegal_levels(study: Study, name: str) -> Iterator[str]:
    try:
        cells(study, name)
    except ValidationError as error:
        first = error.errors()[0]
        # Entries with a space are no keys but names of union members that pydantic tried.
        path = ".".join(key for key in map(str, first["loc"]) if " " not in key)
        yield f"experiments.{name}.sweep: a level is not legal: {path + ': ' if path else ''}{plain(first['msg'])}"


def _unusable_levels(study: Study, name: str) -> Iterator[str]:
    """Refuse levels with names too long for a folder, or with environments that cannot be made."""
    at = f"experiments.{name}.sweep"
    longest = max((id for cell in cells(study, name) for id in (cell.environment_id, cell.variant_id)), key=len)
    if len(longest) > _LONGEST_ID:
        yield (
            f"{at}: names of folders would have {len(longest)} characters, for example {longest[:60]}…; "
            f"allowed: {_LONGEST_ID}; sweep fewer paths in one experiment, or declare the combinations as variants"
        )
    (id, count), *_ = Counter((cell.environment_id, cell.variant_id) for cell in cells(study, name)).most_common(1)
    if count > 1:
        yield f"{at}: two levels have the same name in folders, {id[1]} in {id[0]}; change or remove one"
    if any(path.startswith("environment.") for path in study.experiments[name].sweep):
        yield from _unsupported({f"{at}: {cell.environment_id}: ": cell.environment for cell in cells(study, name)})


def _misfits(study: Study, name: str) -> Iterator[str]:
    """Yield a message for variants, environments and policies that cannot be combined, or not in this kind."""
    at, experiment = f"experiments.{name}", study.experiments[name]
    yield from dict.fromkeys(
        f"{at}.variants: {cell.variant_name} {problem}"
        for cell in cells(study, name)
        for problem in (*_unknown_quantities(cell.variant, cell), *_windows(experiment, cell.variant))
    )
    if (source := experiment.policies_from) is not None:
        yield from _source_problems(study, at, experiment, source)
    elif name not in study.training:
        normalised = [cell.environment_name for cell in cells(study, name) if cell.environment.observations.normalise]
        for environment in dict.fromkeys(normalised):
            yield (
                f"{at}.environments: {environment} normalises observations, and the random policies of "
                f"{experiment.kind} experiments have no statistics to normalise them by; allowed: "
                "observations.normalise: false"
            )
    if name not in study.training:
        scaled = [cell.environment_name for cell in cells(study, name) if cell.environment.rewards.normalise]
        for environment in dict.fromkeys(scaled):
            yield (
                f"{at}.environments: {environment} normalises rewards, and {experiment.kind} experiments have no "
                "earlier batches to normalise them by; to measure without, write sweep: "
                "{environment.rewards.normalise: [false]}"
            )
    if experiment.needs_tables:
        environments = {one: study.environments[one] for one in experiment.environments}
        without = [one for one, environment in environments.items() if catalogue.mdp_of(environment) is None]
        for one in without:
            yield f"{at}.environments: {one} ({environments[one].id}) has no tables to enumerate; {_TABULAR}"
        if without:
            return
    declared = Declared(name, cells(study, name), study.environments, study.variants, catalogue)
    try:
        yield from texts_of(experiment.problems, declared)
    except NoTexts as error:
        yield f"{at}.kind: {error}"
    yield from dict.fromkeys(
        f"{at}.{key}: {variant} {problem}"
        for key, variant in experiment.other_variants.items()
        for cell in cells(study, name)
        for problem in (
            *_unknown_quantities(study.variants[variant], cell),
            *_windows(experiment, study.variants[variant]),
        )
    )


def _windows(experiment: Experiment, variant: Variant) -> Iterator[str]:
    """Yield why a variant with a window cannot be measured in a kind of experiment."""
    if variant.batches > 1 and not experiment.has_windows:
        yield (
            f"learns from {variant.batches} batches by different policies, and {experiment.kind} experiments have one "
            "policy at a time; allowed: window.batches: 1"
        )


def _unknown_quantities(variant: Variant, cell: Cell) -> Iterator[str]:
    """Yield which exact quantities a variant needs but the environment of a cell does not have."""
    name, environment = cell.environment_name, cell.environment
    needs = {
        "subtracts exact values": variant.baseline.values_from == "tables",
        "weights by exact ratios of state probabilities": variant.importance.needs_state_ratios,
    }
    for quantity, is_needed in needs.items():
        if is_needed and catalogue.mdp_of(environment) is None:
            yield f"{quantity}, and {name} ({environment.id}) has no tables to compute them from; {_TABULAR}"
    if variant.baseline.values_from == "tables" and environment.rewards.paid == "at_end":
        yield (
            f"subtracts exact values, and with paid: at_end in {name} the future reward depends on past rewards, not "
            "on the state alone; allowed with baseline: exact: when_earned or terminal_only"
        )


def _source_problems(study: Study, at: str, experiment: Experiment, source: Source) -> Iterator[str]:
    trained = study.training.get(source.experiment)
    if trained is None:
        yield from unknown(f"{at}.source.experiment", [source.experiment], study.training)
        return
    yield from unknown(f"{at}.source.variant", [source.variant], trained.variants)
    yield from unknown(f"{at}.source.stages", source.stages, trained.snapshots)
    for problem in unknown(f"{at}.environments", experiment.environments, trained.environments):
        yield f"{problem}; its policies come from {source.experiment}, which trains only there"
    if trained.sweep:
        yield f"{at}.source.experiment: {source.experiment} has a sweep, and a measurement needs one policy per seed"
    for path in experiment.sweep:
        if path.startswith("environment.") and not path.startswith("environment.rewards"):
            yield (
                f"{at}.sweep: {path}: snapshots are measured in their own environment, which cannot be swept; "
                "allowed: environment.rewards, which change no policy"
            )
        if path.startswith("variant.policy"):
            yield f"{at}.sweep: {path} has no effect, because the policies are those of {source.variant}"
    if not experiment.seeds.within(trained.seeds):
        yield f"{at}.seeds: {experiment.seeds} are needed, but {source.experiment} trains {trained.seeds}"
