"""What a metric needs to be measured that an experiment does not have as it is declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg.claims.record import Selection
from pg.environments.catalogue import mdp_of
from pg.experiments.metrics import metrics_of
from pg.study.expansion import cells
from pg.study.record import Study


def problems_of_metric(study: Study, at: str, name: str, metric: str, environments: Sequence[str]) -> Iterator[str]:
    """Say why an experiment has no rows of a metric.

    Parameters
    ----------
    study
        The study, which declares it.
    at
        Where the study asks for the metric.
    name, metric
        The experiment, and a metric that experiments of its kind measure.
    environments
        Where rows are asked for; all of the experiment's where there are none.
    """
    experiment = study.experiments[name]
    needs = metrics_of(experiment)[metric].needs
    if needs == "evaluations" and getattr(experiment, "evaluate", None) is None:
        yield (
            f"{at}: {metric} is measured on evaluations, and {name} declares none; "
            "add evaluate: {every_steps: ..., episodes: ...}"
        )
    if needs == "sampled_batches" and getattr(experiment, "sampled_batches", None) is None:
        yield f"{at}: {metric} is measured on sampled batches, and {name} declares none; add sampled_batches"
    if needs == "several_sizes":
        for column, sizes in experiment.sizes.items():
            if len([size for size in sizes if size > 0]) < 2:
                yield f"{at}: {metric} needs two sizes above 0, and {name} has {column}: {', '.join(map(str, sizes))}"
    yield from _environment_problems(study, f"{at}: {metric}", name, metric, environments)


def _environment_problems(study: Study, at: str, name: str, metric: str, environments: Sequence[str]) -> Iterator[str]:
    needs = metrics_of(study.experiments[name])[metric].needs
    declared = study.experiments[name].environments
    asked = [one for one in declared if not environments or one in environments]
    if needs == "threshold":
        for environment in asked:
            if study.environments[environment].threshold is None:
                yield f"{at} needs a threshold, and {environment} declares none"
    if needs == "tables":
        without = [one for one in asked if mdp_of(study.environments[one]) is None]
        # Where no environment is named, those that have rows are judged.
        for environment in without if environments or without == asked else ():
            id = study.environments[environment].id
            yield f"{at} is computed from tables, and {environment} ({id}) has none"


def problems_of_estimators(study: Study, at: str, name: str, metric: str, selection: Selection) -> Iterator[str]:
    """Say what the variant that a selection names lacks for a metric to be measured of it.

    Parameters
    ----------
    study
        The study, which declares it.
    at
        Where the selection stands.
    name, metric
        The experiment, and the metric.
    selection
        Rows of the experiment.
    """
    needs = metrics_of(study.experiments[name])[metric].needs
    variant = selection["variant"]
    variants = [cell.variant for cell in cells(study, name) if cell.variant_name == variant]
    if needs == "imitation" and any(one.initialise.demonstrator is None for one in variants):
        yield f"{at}: {metric} needs a demonstrator, and {variant} begins at random"
    if needs == "limit" and all(one.kl is None for one in variants):
        yield f"{at}.variant: {metric} needs a limit, and {variant} has no kl"
    if needs == "value_network" and all(one.baseline.values_from != "network" for one in variants):
        yield f"{at}.variant: {metric} needs a value network, and {variant} has none; give it baseline: value_network"
