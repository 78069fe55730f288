"""Check the demonstrators that variants imitate: their names, their environments, and cycles of imitation."""

from __future__ import annotations

from collections.abc import Iterator

from pg.core.suggestions import nearest, unknown
from pg.environments.controllers import CONTROLLERS
from pg.experiments.cells import Cell
from pg.parts.starts.base import Demonstrator, Start
from pg.parts.starts.clone import Clone
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.sources import demonstrator_of

Node = tuple[str, str]
"""An experiment and one of its variants: what a demonstrator names."""


def problems_of_demonstrators(study: Study) -> Iterator[str]:
    """Return a message per problem; cycles are searched only if every name is known."""
    problems = [*_named_by_variants(study), *_named_in_experiments(study)]
    yield from dict.fromkeys(problems or _circles(study))


def _named_by_variants(study: Study) -> Iterator[str]:
    for name, variant in study.variants.items():
        yield from _name_problems(study, f"variants.{name}.initialise", variant.initialise)


def _named_in_experiments(study: Study) -> Iterator[str]:
    for name, experiment in study.experiments.items():
        at = f"experiments.{name}"
        if name not in study.training:
            for path in experiment.sweep:
                if path.startswith("variant.initialise"):
                    yield f"{at}.sweep: {path} has no effect, because nothing is trained"
            continue
        for cell in cells(study, name):
            known = list(_name_problems(study, f"{at}.sweep: variant.initialise", cell.variant.initialise))
            # Problems of the variant itself are reported at the variant, not here.
            if cell.variant.initialise != study.variants[cell.variant_name].initialise:
                yield from known
            yield from () if known else _cell_problems(study, at, cell)


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
        yield f"{at}.clone.experiment: {start.clone.experiment} sweeps; a demonstrator is one policy per seed"


def _cell_problems(study: Study, at: str, cell: Cell) -> Iterator[str]:
    start = cell.variant.initialise
    if not isinstance(start, Clone):
        return
    if start.controller is not None:
        yield from _controller_problems(at, cell, start.controller)
    if start.clone is not None:
        trained = study.experiments[start.clone.experiment].environments
        for problem in unknown(f"{at}.environments", [cell.environment_name], trained):
            yield f"{problem}; {cell.variant_name} imitates {start.clone.experiment}, which trains in these"
        for path in study.experiments[cell.experiment].sweep:
            # Rewards are no part of a policy, nor of its demonstrations.
            if path.startswith("environment.") and not path.startswith("environment.rewards"):
                yield (
                    f"{at}.sweep: {path}: the demonstrators of {cell.variant_name} were trained in the environment as "
                    "declared, which cannot be swept; declare another environment and train them there"
                )


def _controller_problems(at: str, cell: Cell, name: str) -> Iterator[str]:
    id, fits, seen = cell.environment.id, CONTROLLERS[name].fits, cell.environment.observations
    if seen.hide or seen.stack > 1:
        yield (
            f"{at}.environments: {cell.variant_name} imitates the controller {name}, which reads all of a single "
            f"observation, and {cell.environment_name} hides or stacks observations"
        )
    if id in fits:
        return
    fitting = [other for other, controller in CONTROLLERS.items() if id in controller.fits]
    yield (
        f"{at}.environments: {cell.variant_name} imitates the controller {name}, which acts in {', '.join(fits)}, "
        f"not in {cell.environment_name} ({id}){nearest(name, fitting)}"
    )


def _circles(study: Study) -> Iterator[str]:
    named = {
        (experiment, cell.variant_name): demonstrator
        for experiment, declared in study.training.items()
        if not declared.sweep
        for cell in cells(study, experiment)
        if (demonstrator := demonstrator_of(cell)) is not None
    }
    seen: set[Node] = set()
    for start in named:
        circle = _circle_from(start, named)
        if circle and not seen.intersection(circle):
            seen.update(circle)
            names = " → ".join(f"{variant} in {experiment}" for experiment, variant in (*circle, circle[0]))
            yield f"variants.{circle[0][1]}.initialise.clone: is a cycle: {names}"


def _circle_from(start: Node, named: dict[Node, Demonstrator]) -> list[Node]:
    """Return the cycle of demonstrators through the start; empty if there is none."""
    path = [start]
    while (demonstrator := named.get(path[-1])) is not None:
        following = (demonstrator.experiment, demonstrator.variant)
        if following == start:
            return path
        if following in path:
            return []
        path.append(following)
    return []
