"""What is wrong between the claims of a study and the experiments that are to answer them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pg.claims.record import Claim, ClaimPart, Family, Selection
from pg.core.suggestions import hint, listed, nearest, unknown
from pg.experiments.kind import Experiment
from pg.experiments.metrics import METRICS, kinds_measuring, metrics_of
from pg.study.problems.families import problems_of_families
from pg.study.problems.metrics import problems_of_estimators, problems_of_metric
from pg.study.record import Study
from pg.study.sources import stages_of


def problems_of_claims(study: Study) -> Iterator[str]:
    """Say which parts of claims the experiments that they name cannot answer, and why."""
    for name, claim in study.claims.items():
        if study.figures:
            yield from unknown(f"claims.{name}.figure", [claim.figure], study.figures)
        else:
            yield f"claims.{name}.figure: {claim.figure!r} is not known, because figures declares none"
        yield from unknown(f"claims.{name}.primary", [claim.primary], claim.parts)
        yield from _problems_of_parts(study, name, claim)


def _problems_of_parts(study: Study, name: str, claim: Claim) -> Iterator[str]:
    for part_name, part in claim.parts.items():
        at = f"claims.{name}.parts.{part_name}"
        names = [
            *unknown(f"{at}.experiment", [part.experiment], study.experiments),
            *unknown(f"{at}.against", [part.against] if part.against else [], study.experiments),
            *_unknown_metric(study, f"{at}.metric", part),
        ]
        yield from names or _problems_of_part(study, at, part)


def _unknown_metric(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Report a metric that no experiment has, with those that the part's experiment has."""
    if part.metric in METRICS or part.metric in metrics_of(*study.experiments.values()):
        return
    experiment = study.experiments.get(part.experiment)
    measured = METRICS if experiment is None else metrics_of(experiment)
    for problem in unknown(at, [part.metric], measured):
        yield f"{problem}; what each means: pg/experiments/*/metrics.py"


def _problems_of_part(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    experiment = study.experiments[part.experiment]
    if part.metric not in metrics_of(experiment):
        kinds = " or ".join(kinds_measuring(part.metric))
        yield f"{at}.metric: {part.metric} is measured by {kinds} experiments, not {experiment.kind}"
        return
    yield from unknown(f"{at}.environments", part.environments, experiment.environments)
    if part.stages and part.experiment in study.training:
        named = ", ".join(part.stages)
        yield f"{at}.stages: {named}: {part.experiment} trains, and training has no stages; leave stages out"
    elif part.stages:
        yield from unknown(f"{at}.stages", part.stages, stages_of(study, part.experiment))
    if part.against is not None:
        yield from _against_problems(study, at, part, part.against)
    # What both sides lack is told once.
    yield from dict.fromkeys(_side_problems(study, at, part))
    yield from _stage_problems(at, part)
    yield from problems_of_families(study, at, part)
    yield from _ratio_problems(at, part)


def _side_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    for side, declared in _sides(part).items():
        held_by = part.experiments.get(side, part.experiment)
        for place, selection in _selections(f"{at}.{side}", declared):
            if illegal := list(_selection_problems(study, place, held_by, selection)):
                yield from illegal
                continue
            metric, named_at = selection.get("metric", part.metric), place if "metric" in selection else at
            yield from problems_of_metric(study, f"{named_at}.metric", held_by, metric, part.environments)
            yield from problems_of_estimators(study, place, held_by, metric, selection)
            yield from _level_problems(place, study.experiments[held_by], part, declared, selection)


def _sides(part: ClaimPart) -> dict[str, Selection | Family]:
    sides: dict[str, Selection | Family | None] = {"a": part.a, "b": part.b}
    if part.share_of is not None:
        sides |= {"share_of.zero": part.share_of.zero, "share_of.one": part.share_of.one}
    return {name: declared for name, declared in sides.items() if declared is not None}


def _stage_problems(at: str, part: ClaimPart) -> Iterator[str]:
    """Let all sides name a stage, or none."""
    at_a_stage = _sides_at_a_stage(part)
    if at_a_stage and (part.stages or len(at_a_stage) < len(_sides(part))):
        yield (
            f"{at}.{at_a_stage[0]}.stage: compares one stage with another: let every side name its own, and leave "
            "stages out"
        )


def _sides_at_a_stage(part: ClaimPart) -> list[str]:
    return [
        name
        for name, declared in _sides(part).items()
        if any("stage" in selection for _, selection in _selections(name, declared))
    ]


def _ratio_problems(at: str, part: ClaimPart) -> Iterator[str]:
    if part.ratio_of_means and not METRICS[part.metric].never_negative:
        allowed = listed(name for name, metric in METRICS.items() if metric.never_negative)
        yield f"{at}.ratio_of_means: needs a metric that is never negative, not {part.metric}; allowed:{allowed}"


def _against_problems(study: Study, at: str, part: ClaimPart, against: str) -> Iterator[str]:
    """Say why rows of another experiment cannot be the partners of those of a."""
    ours, theirs = study.experiments[part.experiment], study.experiments[against]
    if theirs.kind != ours.kind:
        yield f"{at}.against: {against} is of kind {theirs.kind}; {part.experiment} is of kind {ours.kind}"
    yield from unknown(f"{at}.against: {against}", part.environments or ours.environments, theirs.environments)
    if part.experiment not in study.training and not _sides_at_a_stage(part):
        stages = part.stages or stages_of(study, part.experiment)
        yield from unknown(f"{at}.against: {against}: stages", stages, stages_of(study, against))
    if not ours.seeds.within(theirs.seeds):
        yield (
            f"{at}.against: rows are paired by seed, and {against} has seeds {theirs.seeds}, "
            f"{part.experiment} {ours.seeds}"
        )


def _selections(at: str, side: Selection | Family) -> Iterator[tuple[str, Selection]]:
    if isinstance(side, Family):
        yield from ((f"{at}.best_of.{place}", candidate) for place, candidate in enumerate(side.best_of))
    else:
        yield at, side


def _selection_problems(study: Study, at: str, name: str, selection: Selection) -> Iterator[str]:
    experiment = study.experiments[name]
    values: dict[str, Iterable[Any]] = {"variant": experiment.variants, **experiment.sweep, **experiment.sizes}
    values["metric"] = metrics_of(experiment)
    if (source := experiment.policies_from) is not None:
        values["stage"] = source.stages
    if "variant" not in selection:
        yield f"{at}: names no variant; variants here: {', '.join(experiment.variants)}"
    for column, value in selection.items():
        if column not in values:
            yield f"{at}.{column}: is no column of this experiment{nearest(column, values)}"
        elif column == "variant" and value in [*study.variants] and value not in experiment.variants:
            known = ", ".join(experiment.variants)
            yield f"{at}.variant: {value} is declared, but not in experiments.{name}.variants: {known}; add it there"
        elif value not in values[column]:
            whose = " the experiment's" if column == "variant" else ""
            allowed = [str(one) for one in values[column]]
            yield f"{at}.{column}: {value!r} is not one of{whose} {', '.join(allowed)}{hint(str(value), allowed)}"


def _level_problems(
    at: str, experiment: Experiment, part: ClaimPart, side: Selection | Family, selection: Selection
) -> Iterator[str]:
    """Say which levels must be named, so that a seed has one row in an environment and stage, and which cannot be."""
    levels: dict[str, tuple[Any, ...]] = {**experiment.sweep, **experiment.sizes}
    metric = selection.get("metric", part.metric)
    if metrics_of(experiment)[metric].needs == "several_sizes":
        for column in experiment.sizes:
            levels.pop(column)
            if column in selection:
                yield f"{at}.{column}: {metric} is measured over all of {column} at once; leave it out"
    if isinstance(side, Family) or _is_paired(part):
        for column, values in levels.items():
            if len(values) > 1 and column not in selection:
                yield f"{at}: leaves {column} open; name one of {', '.join(map(str, values))}"


def _is_paired(part: ClaimPart) -> bool:
    """Tell whether a row of one side meets one of another; a tolerance on rows alone may be asked of many at once."""
    return part.relation != "exact" or part.b is not None or part.share_of is not None
