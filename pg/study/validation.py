"""From a study file to a study, or to messages that a person can act on; run before any job starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pg.study.cost import problems_of_number
from pg.study.inheritance import ExtensionError, extended, told_once
from pg.study.problems.claims import problems_of_claims
from pg.study.problems.demonstrators import problems_of_demonstrators
from pg.study.problems.environments import problems_of_environments
from pg.study.problems.experiments import problems_of_experiments
from pg.study.problems.figures import problems_of_figures
from pg.study.record import Study
from pg.study.wording import readable

# Snakemake would run the Python expressions of a file that has this key.
_TEMPLATE = "__use_yte__"


class InvalidStudy(ValueError):
    """A study that cannot be run, with every problem that was found."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"the study has {count}:\n" + "\n".join(f"  {problem}" for problem in self.problems))


def load(options: Mapping[str, Any]) -> Study:
    """Turn the mapping that a study file holds into a study.

    Raises
    ------
    InvalidStudy
        If anything in it is wrong, with every problem that could be found.
    """
    declared = options.get("variants")
    variants = declared if isinstance(declared, dict) else {}
    try:
        resolved = {**options, "variants": extended(variants)} if variants else dict(options)
    except ExtensionError as error:
        raise InvalidStudy([str(error)]) from error
    try:
        study = _with_figure_defaults(Study.model_validate(resolved))
    except ValidationError as error:
        raise InvalidStudy(told_once(readable(error.errors(), resolved), variants)) from error
    if problems := _problems_of(study):
        raise InvalidStudy(told_once(problems, variants))
    return study


def _with_figure_defaults(study: Study) -> Study:
    """Give each figure the study's defaults for what it does not say itself."""
    shared = {name: getattr(study.figure_defaults, name) for name in study.figure_defaults.model_fields_set}
    figures = {
        name: figure.model_copy(update={key: shared[key] for key in shared.keys() - figure.model_fields_set})
        for name, figure in study.figures.items()
    }
    return study.model_copy(update={"figures": figures})


def _problems_of(study: Study) -> list[str]:
    """List what is wrong with a study whose records are legal one by one.

    Each check relies on those before it: an experiment is judged in environments that can be made.
    """
    for problems in (problems_of_number, problems_of_environments, problems_of_experiments, problems_of_demonstrators):
        if found := list(problems(study)):
            return found
    return [*problems_of_figures(study), *problems_of_claims(study)]


def read(path: Path) -> Study:
    """Read a study file.

    Raises
    ------
    InvalidStudy
        If there is none, or it is not YAML, or not a legal study.
    """
    return load(read_options(path))


def read_options(path: Path) -> dict[str, Any]:
    """Read the mapping that a study file holds, without asking what it means.

    Raises
    ------
    InvalidStudy
        If there is no such file, or it is not YAML (with line and column), or not a mapping.
    """
    try:
        options = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        raise InvalidStudy([f"{path}: {error.strerror}"]) from error
    except yaml.YAMLError as error:
        raise InvalidStudy([f"{path} is not YAML: {_syntax_problem(error)}"]) from error
    if not isinstance(options, dict):
        raise InvalidStudy([f"{path}: should hold a mapping of keys to values, not {type(options).__name__}"])
    if _TEMPLATE in options:
        raise InvalidStudy([f"{path}: {_TEMPLATE}: is not allowed; a study holds values, and a template runs code"])
    return options


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, as YAML does; PyYAML takes the last one."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping, and look at its keys before those of others are merged in."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in lines:
                problem = f"the key {key.value!r} stands here and in line {lines[key.value]}; keep one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return node


def _syntax_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
