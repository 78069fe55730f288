"""Check the claims of a study against the experiments that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

from pg.claims.record import ClaimPart, Family, Selection
from pg.core.suggestions import hint, listed, nearest, unknown
from pg.environments.catalogue import mdp_of
from pg.experiments.kind import Measurement
from pg.experiments.metric import Metric
from pg.experiments.metrics import METRICS, kinds_measuring, metrics_of
from pg.study.expansion import cells, cells_named
from pg.study.record import Study
from pg.study.repeats import first_runs
from pg.study.sources import stages_of


def problems_of_claims(study: Study) -> Iterator[str]:
    """Yield a message for each problem of a claim."""
    for name, claim in study.claims.items():
        at = f"claims.{name}"
        if study.figures:
            yield from unknown(f"{at}.figure", [claim.figure], study.declared("figures"))
        else:
            yield f"{at}.figure: {claim.figure!r} is not known, because figures declares none"
        yield from unknown(f"{at}.primary", [claim.primary], claim.parts)
        yield from unknown(f"{at}.headline", [claim.headline] if claim.headline else [], claim.parts)
        for key, part in claim.parts.items():
            yield from _problems_of_part(study, f"{at}.parts.{key}", part)


def problems_of_questions(study: Study) -> Iterator[str]:
    """Yield a message for each claim, part and figure that a question names and the study does not declare."""
    parts = {f"claims.{name}": [f"claims.{name}.{part}" for part in one.parts] for name, one in study.claims.items()}
    figures = [f"figures.{name}" for name in study.figures]
    for name, question in study.questions.items():
        for answer in question.answers:
            claim = ".".join(answer.split(".")[:2])
            known = [claim, *parts[claim]] if claim in parts else [*parts, *figures]
            yield from unknown(f"questions.{name}.answers", [answer], known)


def _problems_of_part(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    problems = _unknown_names(study, at, part) or [*_misfits(study, at, part)]
    # A condition is measured in the experiment, environments and stages of its part, and repeats their problems.
    if not problems and part.condition is not None:
        yield from _problems_of_part(study, f"{at}.provided", part.condition)
    yield from problems


def _unknown_names(study: Study, at: str, part: ClaimPart) -> list[str]:
    """Return a problem for each unknown experiment or metric of a part."""
    problems = [
        *unknown(f"{at}.experiment", [part.experiment], study.declared("experiments")),
        *unknown(f"{at}.against", [part.against] if part.against else [], study.declared("experiments")),
    ]
    experiment = study.experiments.get(part.experiment)
    measured = METRICS if experiment is None else metrics_of(experiment)
    if part.metric not in {*METRICS, *metrics_of(*study.experiments.values())}:
        allowed = listed(f"{name} ({metric.label})" for name, metric in measured.items())
        problems.append(f"{at}.metric: {part.metric!r} is not known{hint(part.metric, measured)}; allowed:{allowed}")
    elif experiment is not None and part.metric not in measured:
        kinds = " or ".join(kinds_measuring(part.metric))
        problems.append(f"{at}.metric: {part.metric} is measured by {kinds} experiments, not {experiment.kind}")
    return problems


def _misfits(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Return why the rows of the experiments cannot decide a part; its experiments and metric are known."""
    experiment = study.experiments[part.experiment]
    yield from unknown(f"{at}.environments", part.environments, experiment.environments)
    if part.stages and part.experiment in study.training:
        named = ", ".join(part.stages)
        yield f"{at}.stages: {named}: {part.experiment} trains, and training has no stages; leave stages out"
    elif part.stages:
        yield from unknown(f"{at}.stages", part.stages, stages_of(study, part.experiment))
    staged = {path.partition(".best_of")[0]: None for _, path, selection in part.selections if "stage" in selection}
    if part.against is not None:
        yield from _partner_problems(study, f"{at}.against", part, part.against, is_staged=bool(staged))
    # Both sides may have the same problem.
    yield from dict.fromkeys(_selection_problems(study, at, part)) or _copies(study, at, part)
    if staged and (part.stages or len(staged) < len(part.sides)):
        yield (
            f"{at}.{next(iter(staged))}.stage: compares one stage with another: give every side its own stage, and "
            "leave stages out"
        )
    if part.published is not None:
        yield from _impossible_numbers(at, part.published.value, metrics_of(experiment)[part.metric])
    yield from _family_problems(study, at, part)
    yield from _unknown_case(study, f"{at}.shown", part, is_staged=bool(staged))
    if part.ratio_of_means and not metrics_of(experiment)[part.metric].never_negative:
        allowed = listed(name for name, metric in METRICS.items() if metric.never_negative)
        yield f"{at}.ratio_of_means: needs a metric that is never negative, not {part.metric}; allowed:{allowed}"


def _impossible_numbers(at: str, value: float, metric: Metric[Any]) -> Iterator[str]:
    """Return why a published number is none that the metric can have."""
    if metric.statistic == "share" and not 0 <= value <= 1:
        yield f"{at}.reference.value: {metric.name} is a share; allowed: 0 to 1, not {value:g}"
    if metric.scale == "ratio" and value <= 0:
        yield f"{at}.reference.value: {metric.name} is positive; allowed: any number above 0, not {value:g}"


def _unknown_case(study: Study, at: str, part: ClaimPart, *, is_staged: bool) -> Iterator[str]:
    """Return why the case to show is none of the part's cases."""
    if part.shown is None:
        return
    environments = part.environments or study.experiments[part.experiment].environments
    if metrics_of(study.experiments[part.experiment])[part.metric].needs == "tables":
        environments = tuple(name for name in environments if mdp_of(study.environments[name]) is not None)
    if part.shown.environment is not None:
        yield from unknown(f"{at}.environment", [part.shown.environment], environments)
    if part.shown.stage is None:
        return
    if part.experiment in study.training or is_staged:
        yield f"{at}.stage: {part.shown.stage}: the cases of this part have no stage; leave it out"
    else:
        yield from unknown(f"{at}.stage", [part.shown.stage], part.stages or stages_of(study, part.experiment))


def _partner_problems(study: Study, at: str, part: ClaimPart, against: str, *, is_staged: bool) -> Iterator[str]:
    """Return why rows of the experiment of b cannot be paired with those of a."""
    ours, theirs = study.experiments[part.experiment], study.experiments[against]
    if theirs.kind != ours.kind:
        yield f"{at}: {against} is of kind {theirs.kind}; {part.experiment} is of kind {ours.kind}"
    yield from unknown(f"{at}: {against}", part.environments or ours.environments, theirs.environments)
    if part.experiment not in study.training and not is_staged:
        stages = part.stages or stages_of(study, part.experiment)
        yield from unknown(f"{at}: {against}: stages", stages, stages_of(study, against))
    if not ours.seeds.within(theirs.seeds):
        seeds = f"{against} has seeds {theirs.seeds}, {part.experiment} {ours.seeds}"
        yield f"{at}: rows are paired by seed, and {seeds}"


# Rows ----------------------------------------------------------------------------------------------------------------


def _selection_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    for side, path, selection in part.selections:
        name, place = part.experiments.get(side, part.experiment), f"{at}.{path}"
        if illegal := list(_column_problems(study, place, name, selection)):
            yield from illegal
            continue
        metric = selection.get("metric", part.metric)
        for problem in _missing_in_experiment(study, name, metric, part.environments):
            yield f"{place if 'metric' in selection else at}.metric: {metric} {problem}"
        yield from _missing_in_variant(study, place, name, metric, selection["variant"])
        # Only a tolerance on the rows of a alone may select several rows per seed.
        is_single = isinstance(part.sides[side], Family) or not part.is_tolerance or len(part.sides) > 1
        yield from _level_problems(study, place, name, metric, selection, is_single=is_single)


def _column_problems(study: Study, at: str, name: str, selection: Selection) -> Iterator[str]:
    """Return which columns or values of a selection an experiment does not have."""
    experiment = study.experiments[name]
    values: dict[str, Iterable[Any]] = {"variant": experiment.variants, **experiment.sweep, **experiment.sizes}
    values["metric"] = metrics_of(experiment)
    if experiment.policies_from is not None:
        values["stage"] = experiment.policies_from.stages
    if "variant" not in selection:
        yield f"{at}: selects no variant; add one of {', '.join(experiment.variants)}"
    for column, value in selection.items():
        if column not in values:
            yield f"{at}.{column}: is not a column of this experiment{nearest(column, values)}"
        elif column == "variant" and value in [*study.variants] and value not in experiment.variants:
            known = ", ".join(experiment.variants)
            yield f"{at}.variant: {value} is declared, but not in experiments.{name}.variants: {known}; add it there"
        elif value not in values[column]:
            whose = " the experiment's" if column == "variant" else ""
            allowed = [str(one) for one in values[column]]
            yield f"{at}.{column}: {value!r} is not one of{whose} {', '.join(allowed)}{hint(str(value), allowed)}"


def _missing_in_experiment(study: Study, name: str, metric: str, named: tuple[str, ...]) -> Iterator[str]:
    """Return what a metric needs but an experiment, or its (named) environments, do not have."""
    experiment = study.experiments[name]
    environments = {one: study.environments[one] for one in experiment.environments if not named or one in named}
    match metrics_of(experiment)[metric].needs:
        case "sampled_batches" if getattr(experiment, "sampled_batches", None) is None:
            yield f"is measured on sampled batches, and {name} declares none; add sampled_batches"
        case "several_sizes":
            for column, sizes in experiment.sizes.items():
                if len([size for size in sizes if size > 0]) < 2:
                    yield f"needs two sizes above 0, and {name} has {column}: {', '.join(map(str, sizes))}"
        case "threshold" | "failed_below" as level:
            without = [one for one, environment in environments.items() if experiment.level(level, environment) is None]
            yield from (f"needs {level}, and {one} declares none" for one in without)
        case "tables":
            without = [one for one, environment in environments.items() if mdp_of(environment) is None]
            # If no environment is named, those that have rows are judged.
            if named or len(without) == len(environments):
                yield from (f"is computed from tables, and {one} ({environments[one].id}) has none" for one in without)
        case _:
            pass


def _missing_in_variant(study: Study, at: str, name: str, metric: str, variant: str) -> Iterator[str]:
    learners = [cell.variant for cell in cells(study, name) if cell.variant_name == variant]
    match metrics_of(study.experiments[name])[metric].needs:
        case "imitation" if any(one.initialise.demonstrator is None for one in learners):
            yield f"{at}: {metric} needs a demonstrator, and {variant} starts with random weights"
        case "limit" if all(one.kl is None for one in learners):
            yield f"{at}.variant: {metric} needs a limit, and {variant} has no kl"
        case "constant_baseline" if all(one.constant_baseline is None for one in learners):
            yield f"{at}.variant: {metric} needs returns minus a constant or nothing, and {variant} has other weights"
        case "value_network" if all(one.baseline.values_from != "network" for one in learners):
            remedy = "give it baseline: value_network"
            yield f"{at}.variant: {metric} needs a value network, and {variant} has none; {remedy}"
        case _:
            pass


def _level_problems(
    study: Study, at: str, name: str, metric: str, selection: Selection, *, is_single: bool
) -> Iterator[str]:
    """Return which levels a selection must add for one row per seed, environment and stage, or must remove."""
    experiment = study.experiments[name]
    levels: dict[str, tuple[Any, ...]] = {**experiment.sweep, **experiment.sizes}
    if metrics_of(experiment)[metric].needs == "several_sizes":
        for column in experiment.sizes:
            levels.pop(column)
            if column in selection:
                yield f"{at}.{column}: {metric} is measured over all of {column} at once; leave it out"
    for column, values in levels.items() if is_single else ():
        if len(values) > 1 and column not in selection:
            yield f"{at}: selects no {column}; add one of {', '.join(map(str, values))}"


def _copies(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Return which sides have the same rows, because they are the same run or measure the same estimator."""
    selections = [(path, side, one) for side, path, one in part.selections if not isinstance(part.sides[side], Family)]
    for (path, side, one), (other_path, other_side, other) in combinations(selections, 2):
        names = [part.experiments.get(which, part.experiment) for which in (side, other_side)]
        columns = {"metric": part.metric} | dict.fromkeys(("stage", *study.experiments[names[0]].sizes))
        if any(one.get(column, usual) != other.get(column, usual) for column, usual in columns.items()):
            continue
        for environment in part.environments or study.experiments[part.experiment].environments:
            runs, others = (
                _runs_of(study, name, environment, chosen) for name, chosen in zip(names, (one, other), strict=True)
            )
            if not runs.isdisjoint(others):
                same = f"{other['variant']} has the same runs in {environment} as {path}: {one['variant']}"
                yield f"{at}.{other_path}: {same}; choose another variant or level"
                break


def _runs_of(study: Study, name: str, environment: str, selection: Selection) -> set[Any]:
    """Return what the rows of a selection are computed from; equal for copies."""
    experiment = study.experiments[name]
    levels = {column: value for column, value in selection.items() if column in ("variant", *experiment.sweep)}
    found = cells_named(study, name, environment, levels)
    if name in study.training:
        return {first_runs(study)[cell, block] for cell in found for block in experiment.seeds.blocks}
    assert isinstance(experiment, Measurement)
    estimators = [experiment.estimator_of(cell.variant).model_dump_json() for cell in found]
    return {(name, cell.physics.model_dump_json(), one) for cell, one in zip(found, estimators, strict=True)}


# Families of candidates ----------------------------------------------------------------------------------------------


def _family_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Return why tuning cannot rank a candidate, or why the sides do not have equally many candidates."""
    families = {side: declared for side, declared in part.sides.items() if isinstance(declared, Family)}
    for side in families:
        if (experiment := part.experiments[side]) not in study.training:
            yield f"{at}.{side}.best_of: candidates are ranked by tuning, and {experiment} trains none"
            return
    yield from dict.fromkeys(_candidate_problems(study, at, part))
    if families and part.b is not None:
        yield from _unequal_chances(study, at, part, families)


def _candidate_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    environments = part.environments or study.experiments[part.experiment].environments
    first: dict[object, str] = {}
    for side, path, candidate in part.selections:
        if not isinstance(part.sides[side], Family):
            continue
        if "metric" in candidate:
            problem = f"tuning ranks candidates by one score; judge them by the part's metric, {part.metric}"
            yield f"{at}.{path}.metric: {problem}"
        for environment in environments:
            for cell in cells_named(study, part.experiments[side], environment, candidate):
                if not cell.variant.is_tuned:
                    yield f"{at}.{path}: {cell.variant_name} has no tuned learning rate, so it has no score"
                # Learners that are equal are one candidate, under any name.
                if (same := first.setdefault(first_runs(study).get((cell, None), cell), path)) != path:
                    yield f"{at}.{path}: is the same as {same}: {cell.variant_id}"


def _unequal_chances(study: Study, at: str, part: ClaimPart, families: dict[str, Family]) -> Iterator[str]:
    if len(families) == 1:
        chosen, other = ("a", "b") if "a" in families else ("b", "a")
        remedy = f"give side {other} a best_of with as many"
        yield f"{at}.{other}: {chosen} is the best of several candidates; {remedy}"
        return
    counts = {side: len(family.best_of) for side, family in families.items()}
    tuning = {side: getattr(study.experiments[name], "tuning", None) for side, name in part.experiments.items()}
    rates = {side: 0 if options is None else len(options.grid) for side, options in tuning.items()}
    if (counts["a"], rates["a"]) != (counts["b"], rates["b"]):
        a, b = (f"{counts[side]} × {rates[side]} learning rates" for side in "ab")
        yield f"{at}.b.best_of: has {b} as candidates, and a has {a}; both need equally many"
