"""Make studies of arguments, so that names, defaults, checks and messages are those of study files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pg.core.errors import InvalidStudy
from pg.core.suggestions import unknown
from pg.environments.record import Environment
from pg.parts.variant import Variant
from pg.study.files import StudyFile
from pg.study.inheritance import merged
from pg.study.record import Study
from pg.study.validation import load
from pg.study.wording import SYNONYMS, inside

TRAINING = "training"
MEASURED = "measured"
DRAWN = "drawn"
"""The names of the experiments and the figure in studies that are made of arguments."""
TRAINED = "trained"
"""The name of a variant that is given by its options alone."""

_LONGEST_NAME = 60
# How the key of a study file becomes an argument, in messages.
_ARGUMENTS = (
    (rf"experiments\.{TRAINING}\.budget\.", ""),
    (rf"experiments\.{MEASURED}\.sample\.(batches|trajectories)\b", r"\1"),
    (rf"experiments\.{MEASURED}\.source\.(stages|variant)\b", r"\1"),
    (rf"experiments\.(?:{TRAINING}|{MEASURED})\.", ""),
    (rf"variants\.{TRAINED}\.", ""),
    (r"environments\.[\w-]+", "environment"),
    # The file and line are those of the section, where the figure is not.
    (rf"(?:\S+:\d+: )?figures\.{DRAWN}\.", ""),
)


def study_of(options: Mapping[str, Any], files: Sequence[StudyFile] = (), shared: Iterable[str] = ()) -> Study:
    """Validate options as those of a study file.

    Parameters
    ----------
    options, files
        As in `pg.study.validation.load`.
    shared
        Options that all variants have, which messages name without a variant.

    Raises
    ------
    InvalidStudy
        With the arguments in place of keys.
    """
    of_variants = [(rf"variants\.[^.]+\.(?=(?:{'|'.join(map(re.escape, shared))})\b)", "")] if shared else []
    try:
        return load(options, files)
    except InvalidStudy as invalid:
        problems = [_with_argument(problem, [*_ARGUMENTS, *of_variants]) for problem in invalid.problems]
        raise InvalidStudy(dict.fromkeys(problems)) from None


def _with_argument(problem: str, arguments: Iterable[tuple[str, str]]) -> str:
    for key, argument in arguments:
        named, count = re.subn(f"^{key}", argument, problem)
        if count:
            return named
    return problem


def plain(value: Any) -> Any:
    """Return a value as a study file would have it: arrays become lists, NumPy's numbers Python's, classes names."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    if isinstance(value, type):
        return f"{value.__module__}:{value.__qualname__}"
    if isinstance(value, Path):
        return str(value)
    return value.tolist() if hasattr(value, "tolist") else value


def given(**options: Any) -> dict[str, Any]:
    """Return the options that are not None, as a study file would have them."""
    return {name: plain(value) for name, value in options.items() if value is not None}


def environments_of(environment: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of one environment, whose name is its id without special characters."""
    options = {"id": environment} if isinstance(environment, str) else plain(environment)
    id = options.get("id") if isinstance(options, dict) else None
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", str(id or "")).strip("-_")[:_LONGEST_NAME]
    return {name or "environment": options}


def variants_of(function: Callable[..., Any], variants: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section of variants: those of a mapping, or one that has only the shared options.

    Parameters
    ----------
    function
        The function that was called; a message lists its arguments.
    variants
        Options by name; None for one variant.
    shared
        Options of all variants; those of a variant override them.
    """
    arguments = [name for name in inspect.signature(function).parameters if name != "options"]
    names = [name for name in shared if name not in Variant.moved_keys]
    at, known = f"pg.{function.__name__}", [*arguments, *Variant.file_keys()]
    misplaced = {name: how for name in names if name not in known and (how := _to_write(name, shared[name]))}
    problems = [f"{at}: {name!r} is not known; {how}" for name, how in misplaced.items()]
    if problems := [*problems, *unknown(at, [name for name in names if name not in misplaced], known)]:
        raise InvalidStudy(problems)
    own = {TRAINED: {}} if variants is None else plain(variants)
    if not isinstance(own, dict):
        raise InvalidStudy([f"variants: should be a mapping of names to options, as {{'to_go': {{}}}}; it is {own!r}"])
    return {
        name: merged(plain(shared), options) if isinstance(options, dict) else options for name, options in own.items()
    }


def _to_write(name: str, value: Any) -> str:
    """Return what to write instead of an unknown argument; empty if that is unclear."""
    name = SYNONYMS.get(name, name)
    if name in Environment.file_keys():
        return f"it is an option of environments: write {{'id': 'CartPole-v1', {name!r}: {value!r}}}"
    options = {name: value} if name in Variant.file_keys() else inside(name, value, Variant)
    return f"write {' or '.join(f'{option}={keys!r}' for option, keys in options.items())}" if options else ""


def seeds_of(seeds: int | range | Mapping[str, Any]) -> Any:
    """Return the seeds of an experiment: a number of them, a range, or `count` and `first`."""
    if isinstance(seeds, range) and seeds.step == 1:
        return {"count": len(seeds), "first": seeds.start}
    value = plain(seeds)
    return value if isinstance(value, dict) else {"count": value}
