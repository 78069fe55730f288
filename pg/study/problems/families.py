"""What is wrong with the families of candidates that a part of a claim compares the best of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from pg.claims.record import ClaimPart, Family, Selection
from pg.experiments.cells import Cell
from pg.study.expansion import cells_named, is_tuned
from pg.study.record import Study


def problems_of_families(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Say why tuning does not rank a candidate, or where two sides have not the same chance to find their best.

    Candidates with columns or values that the experiment does not have are left to the check of selections.
    """
    families = {name: side for name, side in (("a", part.a), ("b", part.b)) if isinstance(side, Family)}
    if not families:
        return
    for name in families:
        experiment = part.experiments[name]
        if experiment not in study.training:
            yield f"{at}.{name}.best_of: candidates are ranked by tuning, and {experiment} trains none"
            return
    for name, family in families.items():
        for place, candidate in enumerate(family.best_of):
            yield from _candidate_problems(study, f"{at}.{name}.best_of.{place}", part, name, candidate)
    yield from _shared_candidates(study, at, part, families)
    if part.b is not None:
        yield from _unequal_chances(study, at, part)


def _candidate_problems(study: Study, at: str, part: ClaimPart, side: str, candidate: Selection) -> Iterator[str]:
    found = _cells_by_environment(study, part, side, candidate)
    if "metric" in candidate:
        yield f"{at}.metric: tuning ranks candidates by one score; judge them by the part's metric, {part.metric}"
    if not all(is_tuned(cell) for cells in found for cell in cells):
        yield f"{at}: {candidate.get('variant')} has no tuned learning rate, so that no score ranks it"


def _shared_candidates(study: Study, at: str, part: ClaimPart, families: Mapping[str, Family]) -> Iterator[str]:
    placed = [
        (f"{name}.best_of.{place}", cells)
        for name, family in families.items()
        for place, candidate in enumerate(family.best_of)
        for cells in _cells_by_environment(study, part, name, candidate)[:1]
    ]
    for (one, cells), (other, again) in combinations(placed, 2):
        yield from (f"{at}.{other}: is the same as {one}: {cell.variant_id}" for cell in again if cell in cells)


def _unequal_chances(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    if not (isinstance(part.a, Family) and isinstance(part.b, Family)):
        chosen, other = ("a", "b") if isinstance(part.a, Family) else ("b", "a")
        yield f"{at}.{other}: {chosen} is the best of several candidates; give {other} as best_of equally many"
        return
    rates = {name: _rates(study, experiment) for name, experiment in part.experiments.items()}
    if (len(part.a.best_of), rates["a"]) != (len(part.b.best_of), rates["b"]):
        a = f"{len(part.a.best_of)} × {rates['a']} learning rates"
        b = f"{len(part.b.best_of)} × {rates['b']} learning rates"
        yield f"{at}.b.best_of: has {b} as candidates, and a has {a}; both need equally many"


def _rates(study: Study, experiment: str) -> int:
    tuning = getattr(study.experiments[experiment], "tuning", None)
    return len(tuning.grid) if tuning is not None else 0


def _cells_by_environment(
    study: Study, part: ClaimPart, side: str, candidate: Mapping[str, Any]
) -> list[tuple[Cell, ...]]:
    environments = part.environments or study.experiments[part.experiment].environments
    return [cells_named(study, part.experiments[side], environment, dict(candidate)) for environment in environments]
