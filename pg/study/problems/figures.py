"""Check the figures that a study declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from pg.core.foreign import import_named
from pg.core.suggestions import listed, unknown
from pg.experiments.figures.kind import Declaration, FigureKind
from pg.experiments.figures.lookup import FIGURES, kind_of
from pg.experiments.kind import Experiment, Measurement
from pg.experiments.metrics import metrics_of
from pg.experiments.registry import KINDS
from pg.plotting.record import Figure
from pg.study.expansion import cells
from pg.study.pooling import MIN_ENVIRONMENTS, pooled_environments, shared_variants
from pg.study.record import Study


def problems_of_figures(study: Study) -> Iterator[str]:
    """Yield a message per problem of a figure."""
    yield from unknown("figure_defaults.colours", study.figure_defaults.colours, study.variants)
    for name, figure in study.figures.items():
        at = f"figures.{name}"
        own = {one: kind for other in study.experiments.values() for one, kind in other.figures.items()}
        kinds = unknown(f"{at}.kind", [figure.kind], {**FIGURES, **own}) if ":" not in figure.kind else ()
        names = [
            *(
                f"{problem};\n      what each shows: docs/studies.md#figures; module:NAME for one of your own"
                for problem in kinds
            ),
            *unknown(f"{at}.experiment", [figure.experiment], study.declared("experiments")),
            *unknown(f"{at}.pooled", figure.pooled, study.declared("experiments")),
        ]
        yield from names or _problems_of_figure(study, at, figure)


def _problems_of_figure(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    yield from unknown(f"{at}.environments", figure.environments, experiment.environments)
    yield from unknown(f"{at}.variants", figure.variants, shared_variants(study, figure.pool))
    problems = list(_problems_of_kind(study, at, figure))
    if problems:
        yield from problems
        return
    kind = kind_of(figure, experiment)
    if figure.metrics and not kind.with_metrics:
        yield f"{at}.metrics: {figure.kind} draws fixed metrics; leave metrics out"
    if figure.levels and not kind.with_levels:
        yield f"{at}.levels: {figure.kind} draws no lines at given numbers; leave levels out"
    yield from unknown(f"{at}.levels", figure.levels, figure.environments or experiment.environments)
    if not figure.threshold_line and not kind.with_threshold:
        yield f"{at}.threshold_line: {figure.kind} draws no line at the threshold; leave threshold_line out"
    yield from _problems_of_limits(at, figure, kind)
    yield from _problems_of_stages(at, figure, experiment)
    yield from unknown(f"{at}.colours", figure.colours, study.variants)
    for option, name in product((*kind.options, *(("source",) if kind.with_source else ())), figure.pool):
        if getattr(study.experiments[name], option, None) is None:
            yield f"{at}.experiment: {name} declares no {option} to draw"
    yield from _problems_of_pool(study, at, figure, kind)
    yield from _problems_of_compared(study, at, figure, kind)
    declared = _declaration(study, at, figure, figure.experiment)
    if kind.with_metrics:
        yield from _problems_of_metrics(declared)
    # Pooled experiments that are drawn below its own are drawn with all of their variants.
    others = figure.model_copy(update={"variants": (), "environments": ()})
    pooled = [_declaration(study, at, others, name) for name in figure.pooled if kind.with_pooled]
    for one, check in product((declared, *pooled), kind.needs):
        yield from check(one)


def _declaration(study: Study, at: str, figure: Figure, name: str) -> Declaration:
    """Return a figure with the records that it draws of an experiment."""
    experiment = study.experiments[name]
    names = [one for one in figure.environments or experiment.environments if one in study.environments]
    drawn = figure.variants or experiment.variants
    return Declaration(
        at=at,
        figure=figure.model_copy(update={"experiment": name}),
        experiment=experiment,
        environments={one: study.environments[one] for one in names},
        variants=tuple((cell.variant_name, cell.variant) for cell in cells(study, name) if cell.variant_name in drawn),
        known=study.variants,
    )


def _problems_of_limits(at: str, figure: Figure, kind: FigureKind) -> Iterator[str]:
    for axis, ends in figure.limits.declared.items():
        if axis not in kind.limits:
            others = f"; allowed: {', '.join(kind.limits)}" if kind.limits else "; leave limits out"
            yield f"{at}.limits.{axis}: the panels of {figure.kind} do not share this axis{others}"
        elif kind.limits[axis] == "log" and ends[0] <= 0:
            yield f"{at}.limits.{axis}: {ends[0]:g} is not on the logarithmic axis of {figure.kind}; must be above 0"


def _problems_of_stages(at: str, figure: Figure, experiment: Experiment) -> Iterator[str]:
    if isinstance(experiment, Measurement):
        yield from unknown(f"{at}.stages", figure.stages, experiment.stages)
    elif figure.stages:
        yield f"{at}.stages: {figure.kind} draws whole training runs, not policies at stages; leave stages out"


def _problems_of_compared(study: Study, at: str, figure: Figure, kind: FigureKind) -> Iterator[str]:
    """Check that the variants to compare with can be drawn, at one level of their sweep, and are not drawn already."""
    own = study.experiments[figure.experiment]
    if figure.compared and not kind.with_compared:
        yield f"{at}.compared: {figure.kind} draws one experiment; leave compared out"
        return
    for place, one in enumerate(figure.compared):
        here, name, variant = f"{at}.compared.{place}", str(one.get("experiment")), str(one.get("variant"))
        others = {other: tried for other, tried in study.experiments.items() if tried.kind == own.kind}
        if problems := [*unknown(f"{here}.experiment", [name], others)]:
            yield from problems
            continue
        other = others[name]
        yield from unknown(f"{here}.variant", [variant], other.variants)
        if set(environments := figure.environments or own.environments).isdisjoint(other.environments):
            yield f"{here}.experiment: {name} has none of the environments drawn:{listed(environments)}"
        if variant in (figure.variants or own.variants):
            yield f"{here}.variant: {figure.experiment} draws {variant} already; remove one"
        if any(_share_rows(one, earlier) for earlier in figure.compared[:place]):
            yield f"{here}.variant: {variant} is compared already; remove one, or name other levels of the same options"
        yield from _problems_of_compared_levels(here, name, other, one)


def _share_rows(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two variants to compare with would be drawn from the same rows."""
    levels, others = ({key: value for key, value in each.items() if key != "experiment"} for each in (one, other))
    return one.get("variant") == other.get("variant") and (levels.keys() != others.keys() or levels == others)


def _problems_of_compared_levels(at: str, name: str, other: Experiment, one: Mapping[str, Any]) -> Iterator[str]:
    levels = {key: value for key, value in one.items() if key not in ("experiment", "variant")}
    if not levels.keys() >= other.swept.keys():
        yield f"{at}: needs a level of each option that {name} sweeps:{listed(other.swept)}"
    for path in levels:
        if path in other.sweep and path not in other.swept:
            yield f"{at}.{path}: {name} has one level of it, which needs no choice; take it out"
    others = [path for path in levels if path not in other.sweep]
    yield from unknown(at, others, ["experiment", "variant", *other.swept])
    for path, values in other.swept.items():
        if path in levels and levels[path] not in values:
            yield f"{at}.{path}: {levels[path]!r} is no level of {name}; allowed:{listed(map(str, values))}"


def _problems_of_kind(study: Study, at: str, figure: Figure) -> Iterator[str]:
    """Check that a kind of figure can be loaded, and draws the experiments that the figure names."""
    names = [(f"{at}.experiment", figure.experiment), *((f"{at}.pooled", name) for name in figure.pooled)]
    experiments = [(place, study.experiments[name]) for place, name in names]
    if ":" in figure.kind:
        yield from _problems_of_own_kind(f"{at}.kind", figure, experiments)
        return
    for place, experiment in experiments:
        if figure.kind not in experiment.figures:
            drawn = " or ".join(name for name, kind in KINDS.items() if figure.kind in kind.figures)
            yield (
                f"{place}: {figure.kind} draws {drawn} experiments, not {experiment.kind}; {experiment.kind} "
                f"experiments are drawn by:{listed(experiment.figures)}"
            )
            return


def _problems_of_own_kind(at: str, figure: Figure, experiments: Sequence[tuple[str, Experiment]]) -> Iterator[str]:
    try:
        kind = kind_of(figure, experiments[0][1])
        module = import_named(kind.module)
        playing = None if kind.play is None else import_named(kind.play.module)
    except ValueError as error:
        yield f"{at}: {error}"
        return
    if not callable(getattr(module, "draw", None)):
        yield f"{at}: {kind.module} has no function draw(request)"
    if playing is not None and not callable(getattr(playing, "explore", None)):
        yield f"{at}: {playing.__name__} has no function explore(request)"
    for place, experiment in experiments:
        further = experiment.more_tables if isinstance(experiment, Measurement) else ()
        known = ("long", "summary", *experiment.tables, *further)
        for table in (*kind.tables, *(kind.play.tables if kind.play else ())):
            if table not in known:
                yield f"{place}: {figure.kind} reads table {table}; tables of {experiment.kind}:{listed(known)}"


def _problems_of_metrics(declared: Declaration) -> Iterator[str]:
    """Check that the figure names metrics of its experiment, and that environments have what these need."""
    named, known = declared.figure.metrics, metrics_of(declared.experiment)
    if not named:
        yield f"{declared.at}.metrics: is missing: name what to draw; allowed:{listed(known)}"
    yield from unknown(f"{declared.at}.metrics", named, known)
    for metric in [known[name] for name in named if name in known]:
        if metric.needs in ("threshold", "failed_below"):
            for name, environment in declared.environments.items():
                if declared.experiment.level(metric.needs, environment) is None:
                    yield f"{declared.at}.metrics: {metric.name} needs {metric.needs}, and {name} declares none"
        if metric.needs == "imitation" and all(one.initialise.demonstrator is None for _, one in declared.variants):
            names = ", ".join(declared.names)
            yield f"{declared.at}.metrics: {metric.name} needs a demonstrator, and none of {names} has one"


def _problems_of_pool(study: Study, at: str, figure: Figure, kind: FigureKind) -> Iterator[str]:
    if "across" not in kind.tables:
        if figure.pooled and not kind.with_pooled:
            others = [name for name, one in FIGURES.items() if "across" in one.tables or one.with_pooled]
            yield f"{at}.pooled: {figure.kind} draws one experiment; these draw several:{listed(others)}"
        return
    if figure.environments:
        yield f"{at}.environments: {figure.kind} pools every environment with a threshold; leave environments out"
    at, pool, environments = f"{at}.experiment", figure.pool, pooled_environments(study, figure.pool)
    if len(environments) < MIN_ENVIRONMENTS:
        found = ", ".join(environments) or "none"
        yield f"{at}: needs {MIN_ENVIRONMENTS} environments that declare a threshold; found: {found}"
    if twice := {name for name in environments if environments.count(name) > 1}:
        found = ", ".join(sorted(twice))
        yield f"{at}: {found} is in more than one of {', '.join(pool)}; pool experiments with different environments"
    first, *others = pool
    for other in others:
        if dict(study.experiments[other].sweep) != dict(study.experiments[first].sweep):
            yield f"{at}: {other} and {first} sweep different levels; pool experiments with the same sweep"
    if not shared_variants(study, pool):
        yield f"{at}: {' and '.join(pool)} share no variant to compare"
