"""`python -m pg`: explain a study, train a variant, check an estimator, and compare results with a reference."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from string import Template
from typing import Any

import yaml

from pg.core.errors import UserError
from pg.core.foreign import without_imports
from pg.core.home import SNAKEFILE, snakemake
from pg.core.suggestions import nearest, unknown
from pg.environments.catalogue import horizon_of
from pg.experiments.cells import Block, Cell
from pg.parts.equation import definitions, equation
from pg.runs.files import write_text
from pg.runs.results_folder import MARK, mark, study_of
from pg.study.cost import estimate
from pg.study.expansion import cells
from pg.study.files import read_file
from pg.study.problems.results import problem_of_results
from pg.study.record import Study
from pg.study.schema import text
from pg.study.slicing import train_job
from pg.study.sources import imitated_policies
from pg.study.validation import load, read
from pg.study.warnings import warnings

_DEFAULT_STUDY = Path("config.yaml")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status = options.run(options) or 0
        # A short output is written only here, where a closed pipe is caught.
        sys.stdout.flush()
        return status
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe. Without this, Python would report the error again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pg", description=__doc__)
    parser.add_argument("--configfile", type=Path, default=_DEFAULT_STUDY, help="study file (default: %(default)s)")
    # Accept --configfile after the command as well. Without a default it keeps a value given before the command.
    study = argparse.ArgumentParser(add_help=False)
    study.add_argument("--configfile", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    compared = argparse.ArgumentParser(add_help=False, parents=[study])
    compared.add_argument("--reference", type=Path, default=Path("reference"), help="folder (default: %(default)s)")

    commands = parser.add_subparsers(required=True)
    explain = commands.add_parser("explain", parents=[study], help="print each variant's equation and the costs")
    explain.add_argument(
        "--import-modules", action="store_true", help="import modules that the study names, which runs their code"
    )
    explain.set_defaults(run=_explain)
    new = commands.add_parser("new-study", help="write a small study of your own, with comments")
    new.set_defaults(run=_new_study)
    new.add_argument("name", help="its name; it is written to NAME.yaml")
    snakefile = commands.add_parser("snakefile", help="print the path of the Snakefile, for snakemake -s")
    snakefile.set_defaults(run=lambda _: print(SNAKEFILE))
    train = commands.add_parser("train", parents=[study], help="train one variant; the pipeline's rows, as CSV")
    train.set_defaults(run=_train)
    train.add_argument("--experiment", required=True, help="a training experiment of the study")
    train.add_argument("--environment", required=True, help="one of its environments")
    train.add_argument("--variant", required=True, help="one of its variants, with its level if it is swept")
    train.add_argument("--seeds", required=True, type=_seeds, help="a seed or a range such as 0-9")
    train.add_argument("--output", type=Path, help="CSV file (default: standard output)")
    train.add_argument("--evaluations", type=Path, help="CSV file of the evaluations (default: no evaluations)")
    train.add_argument("--snapshots", type=Path, help="folder of the policies (default: not stored)")
    verify = commands.add_parser("verify", parents=[compared], help="compare the results with a reference")
    verify.set_defaults(run=_verify)
    reference = commands.add_parser("reference", parents=[compared], help="store the results as a reference")
    reference.set_defaults(run=_store)
    replications = "results of the same study with other seeds; compared with the run in replication.csv"
    reference.add_argument("--replications", type=Path, nargs="+", default=(), metavar="FOLDER", help=replications)
    check = commands.add_parser("check", help="tell whether an estimator of your own is right")
    check.set_defaults(run=_check)
    check.add_argument("file", metavar="FILE[:NAME]", nargs="?", help="a Python file, and the function or class in it")
    check.add_argument("--options", type=_mapping, default={}, metavar="YAML", help="of a part, such as '{value: 1}'")
    check.add_argument("--seed", type=_natural, default=0, help="decides the decision processes (default: %(default)s)")
    check.add_argument("--timeout", type=_positive, help="seconds that a file may take (default: 60, or the rubric's)")
    check.add_argument("--user", help="user of the file's process, such as nobody; needs root (default: the same user)")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.add_argument("--figure", type=_figure, metavar="FILE", help="draw bias and variance: PDF, SVG or PNG")
    check.add_argument("--gradescope", type=Path, metavar="RUBRIC", help="grade the files of a submission by a rubric")
    check.add_argument("--submission", type=Path, metavar="FOLDER", help="their folder, with --gradescope")
    check.add_argument(
        "--output", type=Path, default=Path("results.json"), help="file for Gradescope (default: %(default)s)"
    )
    schema = commands.add_parser("schema", help="print the JSON schema of study files")
    schema.set_defaults(run=lambda _: print(text(), end=""))
    return parser


def _seeds(text: str) -> Block:
    first, _, last = text.partition("-")
    try:
        block = Block(int(first), int(last or first))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a seed nor a range such as 0-9") from None
    if block.last < block.first:
        raise argparse.ArgumentTypeError(f"{text!r} is an empty range")
    return block


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number such as 0 or 17")
    return int(text)


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no mapping such as '{{value: 1}}'")
    return found


def _figure(text: str) -> Path:
    if Path(text).suffix not in (".pdf", ".svg", ".png"):
        raise argparse.ArgumentTypeError(f"{text!r} should end in .pdf, .svg or .png")
    return Path(text)


def _command(options: argparse.Namespace, program: str, *words: str | Path) -> str:
    """Return a shell command for the same study."""
    study = [] if options.configfile == _DEFAULT_STUDY else ["--configfile", str(options.configfile)]
    return f"{program} {shlex.join([*map(str, words), *study])}".rstrip()


def _explain(options: argparse.Namespace) -> None:
    with nullcontext() if options.import_modules else without_imports():
        study = read(options.configfile)
    for name, variant in study.variants.items():
        print(f"{name}:\n  {equation(variant)}")
        for definition in definitions(variant):
            print(f"  {definition}")
    for name in study.experiments:
        least = ""
        if (experiment := study.training.get(name)) is not None:
            # As many as if every trajectory lasted until the horizon.
            longest = max(cell.variant.batch * horizon_of(cell.environment) for cell in cells(study, name))
            batches = math.ceil(experiment.budget.steps / longest)
            least = f"; batches per run: at least {min(batches, experiment.budget.max_iterations or batches)}"
        print(f"{name}: {estimate(study, (name,))}{least}")
    print(f"the whole study: {estimate(study)}")
    file = read_file(options.configfile)
    for warning in warnings(study, file.options, [file]):
        print(f"warning: {warning}")


def _new_study(options: argparse.Namespace) -> None:
    template = Template((Path(__file__).parent / "study/new.yaml").read_text(encoding="utf-8"))
    name = options.name.removesuffix(".yaml")
    file, text = Path(f"{name}.yaml"), template.substitute(name=name, command=snakemake())
    if not re.fullmatch(_NAME, name):
        raise UserError(
            f"new-study: a name has letters, digits, - and _, and begins with a letter or digit; not {name!r}"
        )
    if file.exists():
        raise UserError(f"new-study: {file} exists; choose another name")
    # A name may be no word in YAML, or one that no results folder may have.
    if problem := problem_of_results(load(yaml.safe_load(text))):
        raise UserError(f"new-study: {problem}")
    write_text(text, file)
    print(f"wrote {file}; run it with\n  {snakemake()} --configfile {file}")


def _train(options: argparse.Namespace) -> None:
    study = read(options.configfile)
    cell = _cell(study, options.experiment, options.environment, options.variant)
    _check_writable(options)
    # Other commands must not wait for torch.
    from pg.core.threads import use_one_thread
    from pg.experiments.train.choice import rates_of, read_choices
    from pg.learning.training import train
    from pg.runs import logs
    from pg.runs.recorder import RunRecorder
    from pg.runs.snapshots import read_snapshots
    from pg.runs.tables import write_csv

    use_one_thread()
    logs.log_to(None)
    job = train_job(study, cell, options.seeds)
    if options.evaluations is None:
        job = job.model_copy(update={"evaluate": None})
    if cell.variant.is_tuned:
        choice = Path(study.results, f"tuned/{cell.folder}.json")
        _check_made(options, [choice], f"the learning rate of {cell.variant_id} is tuned")
        rates = rates_of(read_choices(choice), job.seeds)
    else:
        rates = job.declared_rates
    policies = {}
    if job.demonstrators is not None:
        trainings = imitated_policies(study, cell, job)
        folders = [Path(study.results, f"snapshots/{shown.folder}/seeds-{block}") for shown, block in trainings]
        _check_made(options, folders, f"{cell.variant_id} imitates policies of another experiment")
        policies = read_snapshots(folders, job.demonstrators.stage, job.demonstrators.seeds)
    recorder = RunRecorder(job.total_steps, options.snapshots)
    train(job, rates, recorder, policies)
    if options.evaluations is not None:
        write_csv(recorder.evaluations(), options.evaluations)
    write_csv(recorder.frame(), options.output or sys.stdout)


def _cell(study: Study, experiment: str, environment: str, variant: str) -> Cell:
    if experiment not in study.training:
        raise UserError(f"--experiment: {experiment!r} does not train{nearest(experiment, study.training)}")
    trained = {(cell.environment_id, cell.variant_id): cell for cell in cells(study, experiment)}
    # Every environment is combined with every variant.
    environments, variants = (dict.fromkeys(ids) for ids in zip(*trained, strict=True))
    problems = [*unknown("--environment", [environment], environments), *unknown("--variant", [variant], variants)]
    if problems:
        raise UserError("\n".join(problems))
    return trained[environment, variant]


def _check_writable(options: argparse.Namespace) -> None:
    """Refuse files and folders that cannot be written, before the training."""
    for option in ("snapshots", "output", "evaluations"):
        if (path := getattr(options, option, None)) is None:
            continue
        if option != "snapshots":
            if path.is_dir():
                raise UserError(f"--{option}: {path} is a folder; name a file, for example {path / 'rows.csv'}")
            path = path.parent
        existing = next(place for place in (path, *path.parents) if place.exists())
        if not existing.is_dir():
            raise UserError(f"--{option}: {existing} is a file, not a folder")
        if not os.access(existing, os.W_OK):
            raise UserError(f"--{option}: {existing} is not writable")


def _check_made(options: argparse.Namespace, paths: Iterable[Path], reason: str) -> None:
    if missing := [path for path in paths if not path.exists()]:
        command = _command(options, snakemake(), *missing)
        raise UserError(f"{reason}, and {missing[0]} does not exist; make it with\n  {command}")


def _check(options: argparse.Namespace) -> int:
    if options.gradescope is not None:
        return _grade(options)
    if options.file is None:
        raise UserError("name the file to be checked: python -m pg check FILE[:NAME]")
    from pg.checking.check import check
    from pg.checking.table import show
    from pg.core.threads import use_one_thread

    use_one_thread()  # small tensors: a second thread takes longer than one alone

    file, _, name = options.file.partition(":")
    chosen = {"seed": options.seed, "timeout": options.timeout or 60.0, "user": options.user}
    findings = check(file, name or None, options=options.options, **chosen)
    if options.figure is not None:
        from pg.checking.figure import save

        save(findings, options.figure)
    if options.json:
        print(json.dumps(findings.as_record(), indent=2, ensure_ascii=False))
    else:
        show(findings)
    return 0 if findings.passes else 1


def _grade(options: argparse.Namespace) -> int:
    """Grade a submission; the status is 0 whatever its points are."""
    if options.submission is None or not options.submission.is_dir():
        raise UserError(f"--submission: should be the folder of the files to be graded; it is {options.submission}")
    _check_writable(options)
    from pg.core.threads import use_one_thread
    from pg.grading.gradescope import results, show
    from pg.grading.rubric import read as read_rubric
    from pg.grading.scores import grade
    from pg.runs.files import write_json

    use_one_thread()
    start, rubric = time.monotonic(), read_rubric(options.gradescope)
    chosen = {"seed": options.seed, "timeout": options.timeout, "user": options.user}
    scores = list(grade(rubric, options.submission, **chosen))
    # Only now, when every process of the submission has ended.
    write_json(results(scores, seconds=time.monotonic() - start, visibility=rubric.visibility), options.output)
    show(scores)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from pg.claims import verification

    study = read(options.configfile)
    _check_same_study(options, study, "store the results of this one with")
    found = verification.verify(Path(study.results), options.reference)
    print(found)
    return 0 if found.agrees else 1


def _store(options: argparse.Namespace) -> None:
    from pg.claims import verification

    study = read(options.configfile)
    renamed = f"if it has a new name, delete {options.reference / MARK}; otherwise use another folder:"
    _check_same_study(options, study, renamed)
    verification.store(Path(study.results), options.reference, options.replications)
    mark(options.reference, study.name)
    print(f"stored the claims and tables of {study.results} in {options.reference}")


def _check_same_study(options: argparse.Namespace, study: Study, remedy: str) -> None:
    if (other := study_of(options.reference)) not in (None, study.name):
        command = _command(options, "python -m pg reference --reference FOLDER")
        problem = f"{options.reference} belongs to the study {other!r}, and this study is {study.name!r}"
        raise UserError(f"{problem}; {remedy}\n  {command}")


if __name__ == "__main__":
    sys.exit(main())
