"""Check the figures that a study declares."""

from __future__ import annotations

from collections.abc import Iterator

from pg.core.suggestions import listed, unknown
from pg.experiments.figures.needs import Declaration
from pg.experiments.figures.registry import FIGURES
from pg.plotting.record import Figure
from pg.study.expansion import cells
from pg.study.pooling import pool_of, problems_of_pool, shared_variants
from pg.study.record import Study


def problems_of_figures(study: Study) -> Iterator[str]:
    """Yield a message per problem of a figure."""
    for name, figure in study.figures.items():
        at = f"figures.{name}"
        kinds = unknown(f"{at}.kind", [figure.kind], FIGURES)
        names = [
            *(f"{problem}; what each shows: pg/experiments" for problem in kinds),
            *unknown(f"{at}.experiment", [figure.experiment], study.experiments),
            *unknown(f"{at}.pooled", figure.pooled, study.experiments),
        ]
        yield from names or _problems_of_figure(study, at, figure)


def _problems_of_figure(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment, kind = study.experiments[figure.experiment], FIGURES[figure.kind]
    yield from unknown(f"{at}.environments", figure.environments, experiment.environments)
    yield from unknown(f"{at}.variants", figure.variants, shared_variants(study, pool_of(figure)))
    if figure.metrics and figure.kind != "against_level":
        yield f"{at}.metrics: {figure.kind} draws fixed metrics; leave metrics out"
    for key, name in (("experiment", figure.experiment), *(("pooled", name) for name in figure.pooled)):
        if (found := study.experiments[name].kind) not in kind.experiments:
            others = listed(other for other, one in FIGURES.items() if found in one.experiments)
            yield (
                f"{at}.{key}: {figure.kind} draws {' or '.join(kind.experiments)} experiments, not {found}; "
                f"{found} experiments are drawn by:{others}"
            )
            return
    yield from _problems_of_pool(study, at, figure)
    names = [name for name in figure.environments or experiment.environments if name in study.environments]
    drawn = figure.variants or experiment.variants
    declared = Declaration(
        at=at,
        figure=figure,
        experiment=experiment,
        environments={name: study.environments[name] for name in names},
        variants=tuple(
            (cell.variant_name, cell.variant) for cell in cells(study, figure.experiment) if cell.variant_name in drawn
        ),
    )
    for check in kind.needs:
        yield from check(declared)


def _problems_of_pool(study: Study, at: str, figure: Figure) -> Iterator[str]:
    across = [name for name, kind in FIGURES.items() if "across" in kind.tables]
    if figure.kind in across:
        if figure.environments:
            yield f"{at}.environments: {figure.kind} pools every environment with a threshold; leave environments out"
        yield from problems_of_pool(study, f"{at}.experiment", pool_of(figure))
    elif figure.pooled:
        yield f"{at}.pooled: {figure.kind} draws one experiment; only {' and '.join(across)} pool several"
