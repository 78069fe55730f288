"""Turn a study file into a study, or refuse it with every problem found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import cycle
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from pg.core.errors import InvalidStudy
from pg.core.foreign import NoTexts, failure_in, rehearse
from pg.core.record import UNKNOWN_KEY, Name
from pg.core.suggestions import nearest
from pg.environments.record import Environment
from pg.experiments.lookup import AnyExperiment
from pg.parts.equation import definitions, equation, label_of
from pg.parts.variant import Variant
from pg.plotting.record import Figure, FigureDefaults
from pg.study.cost import problems_of_number
from pg.study.expansion import tuned_experiments
from pg.study.files import StudyFile, located, make_importable, read_file, runs_code_of_others, with_base
from pg.study.inheritance import merged, reported_once, resolved
from pg.study.partial import SECTIONS, without_faulty
from pg.study.problems.claims import problems_of_claims, problems_of_questions
from pg.study.problems.experiments import problems_of_environments, problems_of_experiments
from pg.study.problems.figures import problems_of_figures
from pg.study.problems.starts import problems_of_starts
from pg.study.problems.values import problems_of_values
from pg.study.record import Study
from pg.study.wording import readable

TUNING_SECTION = "Sensitivity to the learning rate"
"""The section of the report for figures of tuning that no study file declares."""

_NEAR = 0.8  # similarity of a section and a misspelt one

_Named = TypeVar("_Named", Variant, Environment)


class _Part(Study):
    """A study of which entries are left out."""

    name: str = ""
    environments: dict[Name, Environment] = Field(default={})
    variants: dict[Name, Variant] = Field(default={})
    experiments: dict[Name, AnyExperiment] = Field(default={})


def read(path: Path) -> Study:
    """Read a study file and its base, as `load` does; a file that is missing or not YAML is refused as well."""
    file = read_file(path)
    return load(file.options, [file])


def load(options: Mapping[str, Any], files: Sequence[StudyFile] = ()) -> Study:
    """Turn the options of a study file, with values of the command line merged in, into a study.

    Parameters
    ----------
    options
        The options.
    files
        The files that they were read from; messages name them, and a base is relative to them.

    Raises
    ------
    InvalidStudy
        If the study is illegal, with every problem that could be found.
    """
    options, files = with_base(options, files)
    options, misspelt = _with_sections(options)
    make_importable(options, files)
    if runs_code_of_others(options):
        rehearse(lambda: _read(options, files, misspelt))
    return _read(options, files, misspelt)


def _with_sections(options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return options whose misspelt sections have their names, so that the rest can be checked, and a problem each."""
    allowed, found, problems = Study.file_keys(), dict(options), list[str]()
    for key in options:
        near = [] if key in allowed else get_close_matches(str(key), allowed, n=1, cutoff=_NEAR)
        if near and near[0] in SECTIONS:
            problems.append(f"{key}: {UNKNOWN_KEY}{nearest(str(key), allowed)}")
            found = merged(found, {near[0]: found.pop(key)})
    return found, problems


def _read(options: Mapping[str, Any], files: Sequence[StudyFile], misspelt: Sequence[str]) -> Study:
    try:
        study = _validated(options)
        if not misspelt:
            return study
        problems = misspelt
    except InvalidStudy as invalid:
        problems = [*misspelt, *invalid.problems]
    except BaseException as error:
        # Methods of a user's own parts, kinds and relations may raise anything.
        if (failure := failure_in({file.path.parent.resolve() for file in files}, error)) is None:
            raise
        raise InvalidStudy([failure]) from error
    raise InvalidStudy(located(problems, files))


def _validated(options: Mapping[str, Any]) -> Study:
    (complete, problems), values = resolved(options), list(problems_of_values(options))
    study, found = _legal_part(complete, problems)
    problems += found
    too_many = [] if study is None else list(problems_of_number(study))
    if study is None or too_many:
        raise InvalidStudy([*values, *reported_once([*problems, *too_many], options)])
    if values:
        study, problems = _without(study, values), [*values, *problems]
    # Each check relies on the earlier ones: what has a problem is not checked further.
    for check in (problems_of_environments, problems_of_experiments, problems_of_starts):
        if found := list(check(study)):
            problems += found
            study = _without(study, found)
    study = _completed(study)
    problems += _equation_problems(study)
    problems += [*problems_of_figures(study), *problems_of_claims(study), *problems_of_questions(study)]
    if problems:
        raise InvalidStudy(reported_once(problems, options))
    return _coloured(study)


def _legal_part(options: Mapping[str, Any], known: Sequence[str]) -> tuple[Study | None, list[str]]:
    """Return a study of the options that are legal alone, if there are any, and the problems of the others.

    `known` are problems that were found before.
    """
    if any(problem.split(": ")[0] in SECTIONS for problem in known):
        return None, []
    tried = without_faulty(options, known) if known else options
    try:
        if not known:
            return Study.model_validate(tried), []
        part, problems = _Part.model_validate(tried), []
    except ValidationError as error:
        problems = readable(error.errors(), tried)
        try:
            part = _Part.model_validate(without_faulty(tried, problems))
        except ValidationError:
            return None, problems
    return part.knowing({key: [*options[key]] for key in SECTIONS if isinstance(options.get(key), dict)}), problems


def _without(study: Study, problems: Sequence[str]) -> Study:
    """Return a study without the entries that have problems."""
    kept = without_faulty(study.model_dump(), problems)
    entries = {key: set(value) for key, value in kept.items() if isinstance(value, dict)}
    update = {
        section: {name: entry for name, entry in getattr(study, section).items() if name in entries[section]}
        for section in SECTIONS
    }
    part = study.model_copy(update={**update, "figure_defaults": FigureDefaults()})
    return part.knowing({section: study.declared(section) for section in SECTIONS})


def _equation_problems(study: Study) -> Iterator[str]:
    """Write the equations, which the report shows: the part of a user may fail in it."""
    for name, variant in study.variants.items():
        try:
            equation(variant)
            definitions(variant)
        except NoTexts as error:
            yield f"variants.{name}: {error}"


def _completed(study: Study) -> Study:
    """Add what the file may leave out: labels, figures of tuning, and the defaults of figures."""
    shown = {name for figure in study.figures.values() if figure.kind == "tuning" for name in figure.pool}
    tuned = [name for name in tuned_experiments(study) if name not in shown]
    tuning: dict[str, Figure] = {}
    if tuned:
        key = "tuning" if "tuning" not in study.figures else "tuning_of_others"
        first, *others = tuned
        tuning[key] = Figure(kind="tuning", experiment=first, pooled=tuple(others), section=TUNING_SECTION)
    shared = {
        name: getattr(study.figure_defaults, name)
        for name in study.figure_defaults.model_fields_set - {"palette", "colours"}
    }
    figures = {
        name: figure.model_copy(update={key: shared[key] for key in shared.keys() - figure.model_fields_set})
        for name, figure in {**study.figures, **tuning, **study.figures}.items()
    }
    labelled = {
        "variants": _labelled(study.variants, label_of),
        "environments": _labelled(study.environments, attrgetter("id")),
    }
    return study.model_copy(update={**labelled, "figures": figures})


def _labelled(records: Mapping[str, _Named], derived: Callable[[_Named], str]) -> dict[str, _Named]:
    """Label records that have no label: by what they are, or by their keys where another one has this label."""
    taken = {record.label for record in records.values()}
    found = dict(records)
    for name, record in records.items():
        if record.label is None:
            label = derived(record)
            own = name.replace("_", " ") if label in taken else label
            found[name] = record.model_copy(update={"label": own})
            taken.add(own)
    return found


def _coloured(study: Study) -> Study:
    """Give each figure the colours of the variants that it may draw: of the palette, the defaults, and its own."""
    palette = study.figure_defaults.palette
    shared = dict(zip(study.variants, cycle(palette), strict=False)) if palette else {}
    shared |= study.figure_defaults.colours
    figures: dict[str, Figure] = {}
    for name, figure in study.figures.items():
        drawn = {variant for experiment in figure.experiments for variant in study.experiments[experiment].variants}
        colours = {variant: colour for variant, colour in shared.items() if variant in drawn} | figure.colours
        figures[name] = figure.model_copy(update={"colours": colours})
    return study.model_copy(update={"figures": figures})
