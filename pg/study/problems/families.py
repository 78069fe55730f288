"""Check the families of candidates (`best_of`) in claims."""

from __future__ import annotations

from collections.abc import Iterator

from pg.claims.record import ClaimPart, Family
from pg.experiments.cells import Cell
from pg.study.expansion import cells_named
from pg.study.record import Study


def problems_of_families(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    """Return why tuning does not rank a candidate, or why two sides have unequal chances to find their best.

    Columns and values that the experiment does not have are left to the check of selections.
    """
    families = {side: declared for side, declared in part.sides.items() if isinstance(declared, Family)}
    for side in families:
        if (experiment := part.experiments[side]) not in study.training:
            yield f"{at}.{side}.best_of: candidates are ranked by tuning, and {experiment} trains none"
            return
    yield from dict.fromkeys(_candidate_problems(study, at, part))
    if families and part.b is not None:
        yield from _unequal_chances(study, at, part, families)


def _candidate_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    environments = part.environments or study.experiments[part.experiment].environments
    first: dict[Cell, str] = {}
    for side, path, candidate in part.selections:
        if not isinstance(part.sides[side], Family):
            continue
        if "metric" in candidate:
            problem = f"tuning ranks candidates by one score; judge them by the part's metric, {part.metric}"
            yield f"{at}.{path}.metric: {problem}"
        for environment in environments:
            for cell in cells_named(study, part.experiments[side], environment, candidate):
                if not cell.variant.is_tuned:
                    yield f"{at}.{path}: {cell.variant_name} has no tuned learning rate, so that no score ranks it"
                if (same := first.setdefault(cell, path)) != path:
                    yield f"{at}.{path}: is the same as {same}: {cell.variant_id}"


def _unequal_chances(study: Study, at: str, part: ClaimPart, families: dict[str, Family]) -> Iterator[str]:
    if len(families) == 1:
        chosen, other = ("a", "b") if "a" in families else ("b", "a")
        yield f"{at}.{other}: {chosen} is the best of several candidates; give {other} as best_of equally many"
        return
    counts = {side: len(family.best_of) for side, family in families.items()}
    rates = {side: _rates(study, experiment) for side, experiment in part.experiments.items()}
    if (counts["a"], rates["a"]) != (counts["b"], rates["b"]):
        a, b = (f"{counts[side]} × {rates[side]} learning rates" for side in "ab")
        yield f"{at}.b.best_of: has {b} as candidates, and a has {a}; both need equally many"


def _rates(study: Study, experiment: str) -> int:
    tuning = getattr(study.experiments[experiment], "tuning", None)
    return len(tuning.grid) if tuning is not None else 0
