"""Name the sides of a claim's part in sentences, and the case that its numbers belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pg.claims.record import ClaimPart, Family, Selection
from pg.core.signs import signed
from pg.plotting.text import in_words, listed, option_in_words
from pg.study.record import Study
from pg.study.sources import stages_of

# These have words of their own; all other columns are levels.
_NAMED_APART = ("variant", "metric", "experiment", "environment", "stage")
_MOST_NAMED = 4


def side(study: Study, part: ClaimPart, name: str) -> str:
    """Name what distinguishes a side: "with “to-go”", "with batch 16", "after 8 gradient steps"."""
    declared = part.sides[name]
    if isinstance(declared, Family):
        if declared.label is not None:
            return f"with {declared.label}"
        levels = ", ".join(_levels(study, part, _shared(declared.best_of)))
        return f"with the best of {_candidates(study, part, declared)}{levels and f', {levels}'}"
    common = _common(part)
    own = {column: value for column, value in declared.items() if column not in common}
    if "variant" in declared and ("variant" not in common or not own.keys() - {"metric"}):
        own["variant"] = declared["variant"]
    after, named = list(_axis(study, part, own)), list(_levels(study, part, own))
    named = [*_variant(study, part, own), *([_policies(own["stage"])] if "stage" in own else []), *named]
    return " ".join([*([f"with {listed(named)}"] if named else []), *after])


def case(study: Study, part: ClaimPart, all_cases: str = "") -> str:
    """Name in brackets where the numbers of a part come from, and what its sides have in common; then all cases."""
    common = _common(part)
    # A variant that all sides share is in their names only if nothing else is.
    shared = (
        common
        if "variant" in common
        and f"“{study.variant_label(common['variant'], part.experiment)}”" not in side(study, part, "a")
        else {}
    )
    words = (
        *_places(study, part, common),
        *_variant(study, part, shared),
        *_axis(study, part, common),
        *_levels(study, part, common),
        *_only_batch(study, part, common),
    )
    return f" ({'; '.join((*words, *filter(None, [all_cases])))})"


def environments_of(study: Study, part: ClaimPart) -> tuple[str, ...]:
    """Return the environments in which a part must hold."""
    return part.environments or study.experiments[part.experiment].environments


def stages_measured(study: Study, part: ClaimPart) -> tuple[str, ...]:
    """Return the stages in which a part must hold; none if its sides select theirs."""
    by_side = any("stage" in selection for _, _, selection in part.selections)
    return () if by_side else tuple(part.stages) or tuple(stages_of(study, part.experiment))


def _places(study: Study, part: ClaimPart, common: Selection) -> Iterator[str]:
    """Yield the environment and the stage of the case that is shown; of a tolerance, all environments."""
    environments, shown = environments_of(study, part), part.shown
    if part.is_tolerance:
        yield from map(study.environment_label, environments)
        return
    wanted = None if shown is None else shown.environment
    yield study.environment_label(common.get("environment") or wanted or environments[0])
    wanted = None if shown is None else shown.stage
    stages = stages_measured(study, part)
    if stage := next(filter(None, [common.get("stage"), wanted if stages else None, *stages]), None):
        yield _policies(stage)


def _policies(stage: str) -> str:
    return f"{stage.replace('_', ' ')} policies"


def _common(part: ClaimPart) -> Selection:
    """Return the columns in which all sides select the same value; nothing if a side is a family."""
    sides = [one for one in part.sides.values() if not isinstance(one, Family)]
    if len(sides) < len(part.sides):
        return {}
    return _shared(sides)


def _shared(selections: Sequence[Selection]) -> Selection:
    """Return the columns in which all selections have the same value, which may be None."""
    first, *others = selections
    return dict(item for item in first.items() if all(item[0] in one and one[item[0]] == item[1] for one in others))


def _candidates(study: Study, part: ClaimPart, family: Family) -> str:
    names = list(dict.fromkeys(f"“{study.variant_label(one['variant'], part.experiment)}”" for one in family.best_of))
    more = len(names) - _MOST_NAMED
    return listed(names if more <= 0 else [*names[: _MOST_NAMED - 1], f"{more + 1} more"])


def _variant(study: Study, part: ClaimPart, selection: Selection) -> Iterator[str]:
    if "variant" in selection:
        yield f"“{study.variant_label(selection['variant'], part.experiment)}”"


def _axis(study: Study, part: ClaimPart, selection: Selection) -> Iterator[str]:
    experiment = study.experiments[part.experiment]
    if experiment.axis in selection:
        level = selection[experiment.axis]
        words = experiment.axis_words or f"with {option_in_words(experiment.axis)} {{}}"
        yield _singular(words, level).format(signed(level))


def _levels(study: Study, part: ClaimPart, selection: Selection) -> Iterator[str]:
    axis = study.experiments[part.experiment].axis
    for path, value in selection.items():
        if path not in _NAMED_APART and path != axis:
            yield _level(path, value)


def _only_batch(study: Study, part: ClaimPart, common: Selection) -> Iterator[str]:
    """Yield the batch size of an experiment that has one alone, and whose claims need not select it."""
    levels = study.experiments[part.experiment].sweep.get("variant.batch", ())
    if len(levels) == 1 and "variant.batch" not in common:
        yield _level("variant.batch", levels[0])


def _level(path: str, value: Any) -> str:
    """Name a level: "batch 16", "8 gradient steps", "rewards paid when earned"."""
    option, (*_, group, _) = option_in_words(path), ("", "", *path.split("."))
    if isinstance(value, Mapping) and value:
        return f"{option} ({in_words(path, value)})"
    if isinstance(value, int) and not isinstance(value, bool) and option.endswith("s"):
        return f"{signed(value)} {_singular(option, value)}"
    words = in_words(path, value)
    return f"{group} {words}" if isinstance(value, str) and group not in ("", "variant", "environment") else words


def _singular(words: str, count: float) -> str:
    if count != 1:
        return words
    return words.removesuffix("es") if words.endswith("ches") else words.removesuffix("s")
