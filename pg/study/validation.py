"""Messages that a person can act on: what is wrong in a study, where, what is allowed, and the nearest valid name.

Run before any job starts. Records check themselves; what is checked here needs two records or a registry.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pg.environments.catalogue import UnsupportedEnvironment, check, mdp_of, trajectories_of
from pg.environments.tabular import OWN
from pg.evidence.metrics import METRICS
from pg.presentation.figures import FIGURES
from pg.study.expansion import ExtensionError, cells, extended, is_tuned
from pg.study.jobs import source_of, stages_of
from pg.study.model import (
    Claim,
    ClaimPart,
    Environment,
    ExactExperiment,
    Experiment,
    Figure,
    IdentityExperiment,
    ProbeExperiment,
    Source,
    Study,
    TrainExperiment,
    UpdateExperiment,
    Variant,
)

_TABULAR = f"allowed: {', '.join(OWN)}, or any environment with a transition table, as FrozenLake-v1"


class InvalidStudy(ValueError):
    """A study that cannot be run, with one line per problem."""

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
    try:
        variants = options.get("variants")
        resolved = {**options, "variants": extended(variants)} if isinstance(variants, dict) else dict(options)
    except ExtensionError as error:
        raise InvalidStudy([str(error)]) from error
    try:
        study = Study.model_validate(resolved)
    except ValidationError as error:
        raise InvalidStudy(_readable(_own(error.errors(), options), resolved)) from error
    # Each check relies on those before it: an experiment is judged in environments that can be made.
    for problems in (_environment_problems, _experiment_problems, _reference_problems):
        if found := list(problems(study)):
            raise InvalidStudy(found)
    return study


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
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidStudy([f"{path}: {error.strerror}"]) from error
    except yaml.YAMLError as error:
        raise InvalidStudy([f"{path} is not YAML: {_syntax_problem(error)}"]) from error
    if not isinstance(options, dict):
        raise InvalidStudy([f"{path}: should hold a mapping of keys to values, not {type(options).__name__}"])
    return options


def _syntax_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"


# Cross-references between records


def _environment_problems(study: Study) -> Iterator[str]:
    for name, environment in study.environments.items():
        try:
            check(environment)
        except UnsupportedEnvironment as error:
            yield f"environments.{name}.{error}"


def _experiment_problems(study: Study) -> Iterator[str]:
    for name, experiment in study.experiments.items():
        at = f"experiments.{name}"
        known = [
            *_unknown(f"{at}.environments", experiment.environments, study.environments),
            *_unknown(f"{at}.variants", experiment.variants, study.variants),
            *_sweep_path_problems(at, experiment),
        ]
        yield from known
        if known:
            continue
        try:
            cells(study, name)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(map(str, first["loc"]))
            yield f"{at}.sweep: a level is not legal: {path + ': ' if path else ''}{_plain(first['msg'])}"
            continue
        yield from _exact_baseline_problems(study, name)
        if (source := source_of(study, name)) is not None:
            yield from _source_problems(study, at, experiment, source)
        match experiment:
            case TrainExperiment():
                yield from _train_problems(study, name, experiment)
            case ProbeExperiment():
                yield from _probe_problems(at, experiment)
            case ExactExperiment():
                yield from list(_table_problems(study, at, experiment)) or _enumeration_problems(
                    study, name, experiment
                )
            case UpdateExperiment():
                yield from _update_problems(study, name)
            case IdentityExperiment():
                pass


def _sweep_path_problems(at: str, experiment: Experiment) -> Iterator[str]:
    roots: dict[str, type[BaseModel]] = {"variant": Variant, "environment": Environment}
    for path in experiment.sweep:
        root, *keys = path.split(".")
        if root not in roots or not keys:
            yield f"{at}.sweep: {path!r} must begin with 'variant.' or 'environment.'{_nearest(path, roots)}"
            continue
        place: type[BaseModel] | None = roots[root]
        for key in keys:
            if place is None:
                # Keys of a free mapping, such as an environment's kwargs, are checked when a copy is made.
                break
            if key not in place.model_fields:
                yield f"{at}.sweep: {path!r} names no option{_nearest(key, place.model_fields)}"
                break
            place = _model_in(place.model_fields[key].annotation)


def _train_problems(study: Study, name: str, experiment: TrainExperiment) -> Iterator[str]:
    if experiment.tuning is not None:
        return
    tuned = {c.variant_name for c in cells(study, name) if c.variant.optimizer.learning_rate == "tuned"}
    for variant in sorted(tuned):
        yield (
            f"experiments.{name}.tuning: is missing, but the learning rate of {variant} is 'tuned'; "
            "add tuning: {grid: [...], seeds: ...} or give the variant a number"
        )


def _source_problems(study: Study, at: str, experiment: Experiment, source: Source) -> Iterator[str]:
    trained = study.experiments.get(source.experiment)
    if not isinstance(trained, TrainExperiment):
        training = [name for name, other in study.experiments.items() if isinstance(other, TrainExperiment)]
        yield from _unknown(f"{at}.source.experiment", [source.experiment], training)
        return
    yield from _unknown(f"{at}.source.variant", [source.variant], trained.variants)
    yield from _unknown(f"{at}.source.stages", source.stages, trained.snapshots)
    yield from _unknown(f"{at}.environments", experiment.environments, trained.environments)
    if trained.sweep:
        yield f"{at}.source.experiment: {source.experiment} sweeps; what is measured needs one policy per seed"
    for path in experiment.sweep:
        if path.startswith("environment."):
            yield f"{at}.sweep: {path}: snapshots are measured in their own environment, which cannot be swept"
        if path.startswith("variant.policy"):
            yield f"{at}.sweep: {path} has no effect, because the policies are those of {source.variant}"
    wanted = range(experiment.seeds.first, experiment.seeds.first + experiment.seeds.count)
    held = range(trained.seeds.first, trained.seeds.first + trained.seeds.count)
    if wanted.start < held.start or wanted.stop > held.stop:
        yield (
            f"{at}.seeds: {wanted.start} to {wanted.stop - 1} are asked for, "
            f"but {source.experiment} trains {held.start} to {held.stop - 1}"
        )


def _probe_problems(at: str, experiment: ProbeExperiment) -> Iterator[str]:
    if "variant.batch" in experiment.sweep:
        yield f"{at}.sweep: variant.batch has no effect in a probe; list batch sizes under sample.batches"


def _exact_baseline_problems(study: Study, name: str) -> Iterator[str]:
    without = {
        (cell.variant_name, cell.environment_name): cell.environment.id
        for cell in cells(study, name)
        if cell.variant.baseline == "exact" and mdp_of(cell.environment) is None
    }
    for (variant, environment), id in without.items():
        yield (
            f"experiments.{name}.variants: {variant} subtracts exact values, and {environment} ({id}) has no tables to "
            f"compute them from; {_TABULAR}"
        )


def _update_problems(study: Study, name: str) -> Iterator[str]:
    for variant in sorted({cell.variant_name for cell in cells(study, name) if is_tuned(cell)}):
        yield (
            f"experiments.{name}.variants: the learning rate of {variant} is 'tuned', and one update tunes nothing; "
            "give optimizer.learning_rate a number"
        )


def _table_problems(study: Study, at: str, experiment: ExactExperiment) -> Iterator[str]:
    for name in experiment.environments:
        if mdp_of(study.environments[name]) is None:
            yield (f"{at}.environments: {name} ({study.environments[name].id}) has no tables to enumerate; {_TABULAR}")


def _enumeration_problems(study: Study, name: str, experiment: ExactExperiment) -> Iterator[str]:
    largest = {cell.environment_id: cell for cell in sorted(cells(study, name), key=lambda cell: cell.variant.batch)}
    for cell in largest.values():
        trajectories, size = trajectories_of(cell.environment), cell.variant.batch
        if trajectories**size > experiment.limit:
            yield (
                f"experiments.{name}.limit: {cell.environment_id} has {trajectories:,} trajectories, and batches of "
                f"{size} make {trajectories**size:.3g} of them; {experiment.limit:,} are allowed: shorten the horizon, "
                "sweep smaller batches, or raise the limit"
            )


def _reference_problems(study: Study) -> Iterator[str]:
    yield from _figure_problems(study)
    yield from _claim_problems(study)


def _figure_problems(study: Study) -> Iterator[str]:
    for name, figure in study.figures.items():
        at = f"figures.{name}"
        unknown = [
            *_unknown(f"{at}.kind", [figure.kind], FIGURES),
            *_unknown(f"{at}.experiment", [figure.experiment], study.experiments),
        ]
        yield from unknown or _figure_reference_problems(study, at, figure)


def _figure_reference_problems(study: Study, at: str, figure: Figure) -> Iterator[str]:
    experiment = study.experiments[figure.experiment]
    fitting = FIGURES[figure.kind].kinds_of_experiment
    if experiment.kind not in fitting:
        yield f"{at}.experiment: {figure.kind} draws {' or '.join(fitting)} experiments, not {experiment.kind}"
    if "tuned" in FIGURES[figure.kind].tables and getattr(experiment, "tuning", None) is None:
        yield f"{at}.experiment: {figure.experiment} declares no tuning to draw"
    yield from _unknown(f"{at}.environments", figure.environments, experiment.environments)
    yield from _unknown(f"{at}.variants", figure.variants, experiment.variants)
    if figure.kind == "steps_to_threshold":
        for environment in figure.environments or experiment.environments:
            if study.environments[environment].threshold is None:
                yield f"{at}.environments: {environment} declares no threshold"


def _claim_problems(study: Study) -> Iterator[str]:
    for name, claim in study.claims.items():
        yield from _unknown(f"claims.{name}.figure", [claim.figure], study.figures)
        yield from _part_problems_of(study, name, claim)


def _part_problems_of(study: Study, name: str, claim: Claim) -> Iterator[str]:
    for part_name, part in claim.parts.items():
        at = f"claims.{name}.parts.{part_name}"
        unknown = [
            *_unknown(f"{at}.experiment", [part.experiment], study.experiments),
            *_unknown(f"{at}.metric", [part.metric], METRICS),
        ]
        yield from unknown or _part_problems(study, at, part)


def _part_problems(study: Study, at: str, part: ClaimPart) -> Iterator[str]:
    experiment = study.experiments[part.experiment]
    kinds = METRICS[part.metric].kinds
    if experiment.kind not in kinds:
        yield f"{at}.metric: {part.metric} is measured by {' or '.join(kinds)} experiments, not {experiment.kind}"
        return
    yield from _unknown(f"{at}.environments", part.environments, experiment.environments)
    stages = () if isinstance(experiment, TrainExperiment) else stages_of(study, part.experiment)
    yield from _unknown(f"{at}.stages", part.stages, stages)
    sides = {"a": part.a, "b": part.b}
    if part.share_of is not None:
        sides |= {"share_of.zero": part.share_of.zero, "share_of.one": part.share_of.one}
    for side, selection in sides.items():
        if selection is not None:
            yield from _selection_problems(f"{at}.{side}", experiment, selection)
    if part.metric in ("steps_to_threshold", "solved", "censored"):
        for environment in part.environments or experiment.environments:
            if study.environments[environment].threshold is None:
                yield f"{at}.metric: {part.metric} needs a threshold, and {environment} declares none"


def _selection_problems(at: str, experiment: Experiment, selection: Mapping[str, Any]) -> Iterator[str]:
    values: dict[str, Iterable[Any]] = {"variant": experiment.variants, **experiment.sweep}
    if isinstance(experiment, ProbeExperiment):
        values["batch"] = experiment.sample.batches
    if "variant" not in selection:
        yield f"{at}: names no variant; variants here: {', '.join(experiment.variants)}"
    for column, value in selection.items():
        if column not in values:
            yield f"{at}.{column}: is no column of this experiment{_nearest(column, values)}"
        elif value not in values[column]:
            yield f"{at}.{column}: {value!r} is not one of {', '.join(map(str, values[column]))}" + _hint(
                str(value), map(str, values[column])
            )


def _unknown(at: str, names: Iterable[str], allowed: Iterable[str]) -> Iterator[str]:
    allowed = list(allowed)
    for name in names:
        if name not in allowed:
            yield f"{at}: {name!r} is not known{_nearest(name, allowed)}"


# What pydantic found, in words


def _own(errors: list[ErrorDetails], options: Mapping[str, Any]) -> list[ErrorDetails]:
    """Leave out what a variant has wrong by inheritance: it is reported where it was written."""

    def is_inherited(place: tuple[Any, ...]) -> bool:
        return len(place) > 2 and place[0] == "variants" and place[2] not in options["variants"][place[1]]

    return [error for error in errors if not is_inherited(error["loc"])]


def _readable(errors: list[ErrorDetails], options: Mapping[str, Any]) -> list[str]:
    by_place: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        by_place.setdefault(".".join(_place(error, options)), []).append(error)
    return [f"{place or 'the study'}: {_in_words(found)}" for place, found in by_place.items()]


def _place(error: ErrorDetails, options: Any) -> list[str]:
    """Return the path in the file: pydantic's, without the names of the alternatives that it tried."""
    place: list[str] = []
    here: Any = options
    for step in error["loc"]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            if error["type"] != "missing" or step != error["loc"][-1]:
                continue
        place.append(str(step))
    return place


def _in_words(errors: list[ErrorDetails]) -> str:
    first = errors[0]
    match first["type"]:
        case "extra_forbidden":
            allowed = _allowed_keys(list(first["loc"][:-1]))
            return "unknown key" + _nearest(str(first["loc"][-1]), allowed)
        case "missing":
            return "is missing"
        case "union_tag_not_found":
            return "kind: is missing; allowed: train, probe, exact"
        case "union_tag_invalid":
            context = first.get("ctx", {})
            tag = str(context.get("tag"))
            return f"kind: {tag!r} is not known{_nearest(tag, ('train', 'probe', 'exact'))}"
        case "value_error":
            return _plain(first["msg"])
        case _:
            reasons = " or ".join(dict.fromkeys(_plain(error["msg"]) for error in errors))
            return f"{reasons}; it is {first['input']!r}" + _advice(first)


def _advice(error: ErrorDetails) -> str:
    given = error["input"]
    if error["type"] == "literal_error":
        return _hint(str(given), str(error.get("ctx", {}).get("expected", "")).replace("'", "").split(" or "))
    if isinstance(given, str) and _is_number(given):
        return f"; YAML reads {given} as text: write it with a decimal point, as in {float(given):.1e}"
    return ""


def _plain(message: str) -> str:
    plain = message.removeprefix("Value error, ").replace("Input should be", "should be")
    return plain.replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping of keys to values")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _allowed_keys(path: list[Any]) -> list[str]:
    place: Any = Study
    for step in path:
        model = _model_in(place)
        if model is not None and step in model.model_fields:
            place = model.model_fields[step].annotation
        elif tagged := _tagged(place, step):
            place = tagged
        else:
            place = _value_type(place)
    model = _model_in(place)
    return [] if model is None else list(model.model_fields)


def _tagged(annotation: Any, tag: Any) -> type[BaseModel] | None:
    for model in _models_in(annotation):
        kind = model.model_fields.get("kind")
        if kind is not None and tag in get_args(kind.annotation):
            return model
    return None


def _value_type(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value_type(arguments[0])
    if origin in (Union, UnionType):
        return _value_type(next(argument for argument in arguments if argument is not type(None)))
    return arguments[-1] if origin is dict else annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    models = _models_in(annotation)
    return models[0] if len(models) == 1 else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return [model for argument in get_args(annotation) for model in _models_in(argument)]
    return []


def _nearest(name: str, allowed: Iterable[str]) -> str:
    allowed = list(allowed)
    return _hint(name, allowed) + f"; allowed: {', '.join(allowed) or 'nothing'}"


def _hint(name: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
