"""Check how variants begin: given outputs, and demonstrators with their environments and cycles of imitation."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from pg.core.suggestions import nearest, unknown
from pg.environments.catalogue import outputs_of
from pg.environments.registry import CONTROLLERS
from pg.experiments.cells import Cell
from pg.parts.starts.base import Start
from pg.parts.starts.clone import Clone
from pg.parts.starts.given import Given
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import demonstrator_of


def problems_of_starts(study: Study) -> Iterator[str]:
    """Yield a message per problem; cycles are checked only if all names are valid."""
    problems: list[str] = []
    for name, variant in study.variants.items():
        problems += _name_problems(study, f"variants.{name}.initialise", variant.initialise)
    for name, experiment in study.experiments.items():
        at = f"experiments.{name}"
        if name not in study.training:
            idle = [path for path in experiment.sweep if path.startswith("variant.initialise")]
            problems += [f"{at}.sweep: {path} has no effect, because nothing is trained" for path in idle]
            continue
        for cell in cells(study, name):
            start = cell.variant.initialise
            found = list(_name_problems(study, f"{at}.sweep: variant.initialise", start))
            # Problems of the variant itself are reported at the variant, not here.
            if start != study.variants[cell.variant_name].initialise:
                problems += found
            if not found and isinstance(start, Clone):
                problems += _cell_problems(study, at, cell, start)
            if isinstance(start, Given) and (count := outputs_of(cell.environment)) != len(start.outputs):
                problems.append(
                    f"variants.{cell.variant_name}.initialise.outputs: has {len(start.outputs)} numbers, and policies "
                    f"in {cell.environment_name} have {count} outputs"
                )
    yield from dict.fromkeys(problems or _cycles(study))


def _name_problems(study: Study, at: str, start: Start) -> Iterator[str]:
    if not isinstance(start, Clone):
        return
    if start.controller is not None:
        yield from unknown(f"{at}.controller", [start.controller], CONTROLLERS)
    if start.clone is None:
        return
    trained = study.training.get(start.clone.experiment)
    if trained is None:
        yield from unknown(f"{at}.clone.experiment", [start.clone.experiment], study.training)
        return
    yield from unknown(f"{at}.clone.variant", [start.clone.variant], trained.variants)
    yield from unknown(f"{at}.clone.stage", [start.clone.stage], trained.snapshots)
    if trained.sweep:
        yield (
            f"{at}.clone.experiment: {start.clone.experiment} has a sweep, and demonstrators must be one policy per "
            "seed; name an experiment without `sweep`"
        )


def _cell_problems(study: Study, at: str, cell: Cell, start: Clone) -> Iterator[str]:
    if (name := start.controller) is not None:
        id, fits, seen = cell.environment.id, CONTROLLERS[name].fits, cell.environment.observations
        imitates = f"{at}.environments: {cell.variant_name} imitates the controller {name}"
        if seen.hide or seen.stack > 1:
            yield (
                f"{imitates}, which needs whole, single observations, and {cell.environment_name} hides or stacks them"
            )
        if id not in fits:
            fitting = [other for other, controller in CONTROLLERS.items() if id in controller.fits]
            yield (
                f"{imitates}, which acts in {', '.join(fits)}, not in {cell.environment_name} ({id})"
                f"{nearest(name, fitting)}"
            )
    if start.clone is not None:
        trained = study.experiments[start.clone.experiment].environments
        for problem in unknown(f"{at}.environments", [cell.environment_name], trained):
            yield f"{problem}; {cell.variant_name} imitates {start.clone.experiment}, which trains only there"
        for path in study.experiments[cell.experiment].sweep:
            # Rewards change neither a policy nor its demonstrations.
            if path.startswith("environment.") and not path.startswith("environment.rewards"):
                yield (
                    f"{at}.sweep: {path}: the demonstrators of {cell.variant_name} were trained in the environment as "
                    "declared, which cannot be swept; declare another environment and train them there"
                )


def _cycles(study: Study) -> Iterator[str]:
    """Yield a message for the first variant that imitates itself, directly or through others."""
    imitators: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for experiment, declared in study.training.items():
        for cell in () if declared.sweep else cells(study, experiment):
            if (demonstrator := demonstrator_of(cell)) is not None:
                imitators.setdefault((demonstrator.variant, demonstrator.experiment), []).append(
                    (cell.variant_name, experiment)
                )
    try:
        TopologicalSorter(imitators).prepare()
    except CycleError as error:
        cycle: list[tuple[str, str]] = error.args[1]
        names = " → ".join(f"{variant} in {experiment}" for variant, experiment in cycle)
        yield f"variants.{cycle[0][0]}.initialise.clone: is part of a cycle: {names}"
