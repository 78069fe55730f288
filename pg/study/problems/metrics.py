"""Check that experiments, environments and variants have what a claim's metric needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pg.environments.catalogue import mdp_of
from pg.experiments.metric import Need
from pg.experiments.metrics import metrics_of
from pg.study.expansion import cells
from pg.study.record import Study


def problems_of_metric(
    study: Study, at: str, side: str, name: str, metric: str, variant: str, environments: Sequence[str]
) -> Iterator[str]:
    """Return why an experiment has no rows of a metric of a variant.

    Parameters
    ----------
    study
        The study.
    at, side
        Paths of the record that names the metric, and of the one that names the variant.
    name, metric, variant
        The experiment, one of its metrics and one of its variants.
    environments
        Where rows are needed; all environments of the experiment if empty.
    """
    needs = metrics_of(study.experiments[name])[metric].needs
    for problem in _missing_in_experiment(study, name, needs):
        yield f"{at}.metric: {metric} {problem}"
    for problem in _missing_in_environments(study, name, needs, environments):
        yield f"{at}.metric: {metric} {problem}"
    learners = [cell.variant for cell in cells(study, name) if cell.variant_name == variant]
    match needs:
        case "imitation" if any(one.initialise.demonstrator is None for one in learners):
            yield f"{side}: {metric} needs a demonstrator, and {variant} begins at random"
        case "limit" if all(one.kl is None for one in learners):
            yield f"{side}.variant: {metric} needs a limit, and {variant} has no kl"
        case "value_network" if all(one.baseline.values_from != "network" for one in learners):
            remedy = "give it baseline: value_network"
            yield f"{side}.variant: {metric} needs a value network, and {variant} has none; {remedy}"
        case _:
            pass


def _missing_in_experiment(study: Study, name: str, needs: Need | None) -> Iterator[str]:
    experiment = study.experiments[name]
    if needs == "evaluations" and getattr(experiment, "evaluate", None) is None:
        remedy = "add evaluate: {every_steps: ..., episodes: ...}"
        yield f"is measured on evaluations, and {name} declares none; {remedy}"
    if needs == "sampled_batches" and getattr(experiment, "sampled_batches", None) is None:
        yield f"is measured on sampled batches, and {name} declares none; add sampled_batches"
    if needs == "several_sizes":
        for column, sizes in experiment.sizes.items():
            if len([size for size in sizes if size > 0]) < 2:
                yield f"needs two sizes above 0, and {name} has {column}: {', '.join(map(str, sizes))}"


def _missing_in_environments(study: Study, name: str, needs: Need | None, environments: Sequence[str]) -> Iterator[str]:
    asked = [one for one in study.experiments[name].environments if not environments or one in environments]
    if needs == "threshold":
        for environment in asked:
            if study.environments[environment].threshold is None:
                yield f"needs a threshold, and {environment} declares none"
    if needs == "tables":
        without = [one for one in asked if mdp_of(study.environments[one]) is None]
        # If no environment is named, those that have rows are judged.
        for environment in without if environments or without == asked else ():
            yield f"is computed from tables, and {environment} ({study.environments[environment].id}) has none"
