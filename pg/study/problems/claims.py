"""Check the claims of a study against the experiments that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pg.claims.record import ClaimPart, Family, Selection
from pg.core.suggestions import hint, listed, nearest, unknown
from pg.experiments.metrics import METRICS, kinds_measuring, metrics_of
from pg.study.problems.families import problems_of_families
from pg.study.problems.metrics import problems_of_metric
from pg.study.record import Study
from pg.study.sources import stages_of


def problems_of_claims(study: Study) -> Iterator[str]:
    """Yield a message for each problem of a claim."""
    for name, claim in study.claims.items():
        at = f"claims.{name}"
        if study.figures:
            yield from unknown(f"{at}.figure", [claim.figure], study.figures)
        else:
            yield f"{at}.figure: {claim.figure!r} is not known, because figures declares none"
        yield from unknown(f"{at}.primary", [claim.primary], claim.parts)
        for key, part in claim.parts.items():
            yield from _problems_of_part(study, f"{at}.parts.{key}", part)


def _problems_of_part(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    names = [
        *unknown(f"{at}.experiment", [part.experiment], study.experiments),
        *unknown(f"{at}.against", [part.against] if part.against else [], study.experiments),
        *_metric_problems(study, at, part),
    ]
    if names:
        yield from names
        return
    experiment = study.experiments[part.experiment]
    yield from unknown(f"{at}.environments", part.environments, experiment.environments)
    if part.stages and part.experiment in study.training:
        named = ", ".join(part.stages)
        yield f"{at}.stages: {named}: {part.experiment} trains, and training has no stages; leave stages out"
    elif part.stages:
        yield from unknown(f"{at}.stages", part.stages, stages_of(study, part.experiment))
    yield from _partner_problems(study, at, part)
    # Both sides may have the same problem.
    yield from dict.fromkeys(_selection_problems(study, at, part))
    staged = _staged_sides(part)
    if staged and (part.stages or len(staged) < len(part.sides)):
        yield (
            f"{at}.{next(iter(staged))}.stage: compares one stage with another: let every side name its own, and leave "
            "stages out"
        )
    yield from problems_of_families(study, at, part)
    if part.ratio_of_means and not metrics_of(experiment)[part.metric].never_negative:
        allowed = listed(name for name, metric in METRICS.items() if metric.never_negative)
        yield f"{at}.ratio_of_means: needs a metric that is never negative, not {part.metric}; allowed:{allowed}"


def _metric_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    experiment = study.experiments.get(part.experiment)
    measured = METRICS if experiment is None else metrics_of(experiment)
    if part.metric not in {*METRICS, *metrics_of(*study.experiments.values())}:
        for problem in unknown(f"{at}.metric", [part.metric], measured):
            yield f"{problem}; what each means: pg/experiments/*/metrics.py"
    elif experiment is not None and part.metric not in measured:
        kinds = " or ".join(kinds_measuring(part.metric))
        yield f"{at}.metric: {part.metric} is measured by {kinds} experiments, not {experiment.kind}"


def _partner_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Return why rows of the experiment of b cannot be paired with those of a."""
    if part.against is None:
        return
    ours, theirs = study.experiments[part.experiment], study.experiments[part.against]
    place = f"{at}.against"
    if theirs.kind != ours.kind:
        yield f"{place}: {part.against} is of kind {theirs.kind}; {part.experiment} is of kind {ours.kind}"
    yield from unknown(f"{place}: {part.against}", part.environments or ours.environments, theirs.environments)
    if part.experiment not in study.training and not _staged_sides(part):
        stages = part.stages or stages_of(study, part.experiment)
        yield from unknown(f"{place}: {part.against}: stages", stages, stages_of(study, part.against))
    if not ours.seeds.within(theirs.seeds):
        seeds = f"{part.against} has seeds {theirs.seeds}, {part.experiment} {ours.seeds}"
        yield f"{place}: rows are paired by seed, and {seeds}"


def _staged_sides(part: ClaimPart) -> dict[str, None]:
    """Return the paths of the sides that select a stage themselves."""
    return {path.partition(".best_of")[0]: None for _, path, selection in part.selections if "stage" in selection}


def _selection_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    for side, path, selection in part.selections:
        name, place = part.experiments.get(side, part.experiment), f"{at}.{path}"
        if illegal := list(_column_problems(study, place, name, selection)):
            yield from illegal
            continue
        metric, environments = selection.get("metric", part.metric), part.environments
        of_metric = place if "metric" in selection else at
        yield from problems_of_metric(study, of_metric, place, name, metric, selection["variant"], environments)
        yield from _level_problems(study, place, name, part, side, selection)


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


def _level_problems(
    study: Study, at: str, name: str, part: ClaimPart, side: str, selection: Selection
) -> Iterator[str]:
    """Return which levels a selection must name to have one row per seed, environment and stage, or must not name."""
    experiment, metric = study.experiments[name], selection.get("metric", part.metric)
    levels: dict[str, tuple[Any, ...]] = {**experiment.sweep, **experiment.sizes}
    if metrics_of(experiment)[metric].needs == "several_sizes":
        for column in experiment.sizes:
            levels.pop(column)
            if column in selection:
                yield f"{at}.{column}: {metric} is measured over all of {column} at once; leave it out"
    # Only a tolerance on the rows of a alone may select several rows per seed.
    if isinstance(part.sides[side], Family) or not part.is_tolerance or len(part.sides) > 1:
        for column, values in levels.items():
            if len(values) > 1 and column not in selection:
                yield f"{at}: selects no {column}; add one of {', '.join(map(str, values))}"
