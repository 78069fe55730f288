"""Check that environments can be made, and that they have the exact quantities that variants need."""

from __future__ import annotations

from collections.abc import Iterator

from pg.environments.catalogue import UnsupportedEnvironment, check, mdp_of
from pg.environments.record import Environment
from pg.environments.registry import OWN
from pg.parts.variant import Variant
from pg.study.expansion import cells
from pg.study.record import Study

_TABULAR = f"allowed: {', '.join(OWN)}, or any environment with a transition table, as FrozenLake-v1"


def problems_of_environments(study: Study) -> Iterator[str]:
    """Say which environments cannot be made, and why."""
    for name, environment in study.environments.items():
        try:
            check(environment)
        except UnsupportedEnvironment as error:
            yield f"environments.{name}.{error}"


def problems_of_levels(study: Study, name: str) -> Iterator[str]:
    """Check the environments of a sweep's levels, as declared ones are."""
    if any(path.startswith("environment.") for path in study.experiments[name].sweep):
        for id, environment in {cell.environment_id: cell.environment for cell in cells(study, name)}.items():
            try:
                check(environment)
            except UnsupportedEnvironment as error:
                yield f"experiments.{name}.sweep: {id}: {error}"


def problems_of_quantities(study: Study, name: str) -> Iterator[str]:
    """Yield the variants of an experiment that need exact quantities which its environments do not have."""
    yield from dict.fromkeys(
        f"experiments.{name}.variants: {cell.variant_name} {problem}"
        for cell in cells(study, name)
        for problem in unknown_quantities(cell.variant, cell.environment_name, cell.environment)
    )


def unknown_quantities(variant: Variant, name: str, environment: Environment) -> Iterator[str]:
    """Yield the exact quantities that a variant needs and an environment does not have."""
    needs = {
        "subtracts exact values": variant.baseline.values_from == "tables",
        "weights by exact ratios of state probabilities": variant.importance.needs_state_ratios,
    }
    for quantity, is_needed in needs.items():
        if is_needed and mdp_of(environment) is None:
            yield f"{quantity}, and {name} ({environment.id}) has no tables to compute them from; {_TABULAR}"
    if variant.baseline.values_from == "tables" and environment.rewards.paid == "at_end":
        yield (
            f"subtracts exact values, and with paid: at_end in {name} the future reward depends on past rewards, not "
            "on the state alone; allowed with baseline: exact: when_earned or terminal_only"
        )


def problems_of_tables(study: Study, name: str) -> Iterator[str]:
    """Say which environments of an experiment have no tables to enumerate."""
    for environment in study.experiments[name].environments:
        if mdp_of(study.environments[environment]) is None:
            id = study.environments[environment].id
            yield f"experiments.{name}.environments: {environment} ({id}) has no tables to enumerate; {_TABULAR}"
