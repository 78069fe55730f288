"""`python -m pg`: the calls that the pipeline's jobs make, one at a time and by hand."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pg.core.devices import CannotRunHere
from pg.core.suggestions import nearest, unknown
from pg.environments.catalogue import horizon_of
from pg.experiments.cells import Block, Cell
from pg.parts.equations.definitions import definitions
from pg.parts.equations.estimator import equation
from pg.runs.ownership import MARK, mark, owner_of
from pg.study.cost import estimate
from pg.study.expansion import cells, is_tuned
from pg.study.jobs import TrainJob
from pg.study.record import Study
from pg.study.schema import text
from pg.study.slicing import train_job
from pg.study.sources import demonstrator_blocks, demonstrator_cell, demonstrator_of
from pg.study.validation import InvalidStudy, read


class Refused(ValueError):
    """A request that cannot be met, with the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (InvalidStudy, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Who reads the output, such as `head`, has had enough. Python would try to write the rest once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "schema":
            print(text(), end="")
        case "train":
            _train(read(options.configfile), options)
        case "verify":
            return _verify(read(options.configfile), options)
        case "reference":
            _store(read(options.configfile), options)
        case _:
            _explain(read(options.configfile))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pg", description=__doc__)
    parser.add_argument(
        "--configfile", type=Path, default=Path("config.yaml"), help="study file (default: %(default)s)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one variant; the same rows as the pipeline's, as CSV")
    train.add_argument("--experiment", required=True, help="a training experiment of the study")
    train.add_argument("--environment", required=True, help="one of its environments")
    train.add_argument("--variant", required=True, help="one of its variants, with its level where it is swept")
    train.add_argument("--seeds", required=True, type=_seeds, help="a seed or a range, as 0-9")
    train.add_argument("--output", type=Path, help="CSV file (default: standard output)")
    train.add_argument("--evaluations", type=Path, help="CSV file of the evaluations (default: none are made)")
    train.add_argument("--snapshots", type=Path, help="folder for policies (default: none are kept)")
    verify = commands.add_parser("verify", help="compare the study's results with the reference, in words")
    reference = commands.add_parser("reference", help="make the study's results the reference")
    for command in (verify, reference):
        command.add_argument(
            "--reference", type=Path, default=Path("reference"), help="folder of the reference (default: %(default)s)"
        )
    explain = commands.add_parser("explain", help="print every variant's equation and what each experiment costs")
    for command in (train, verify, reference, explain):
        # Snakemake takes its --configfile anywhere; without a default this one leaves what stands before the command.
        command.add_argument("--configfile", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    commands.add_parser("schema", help="print the JSON schema of study files")
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


def _train(study: Study, options: argparse.Namespace) -> None:
    cell = _cell(study, options.experiment, options.environment, options.variant)
    _check_places(options)
    # Imported here, because asking for an explanation should not wait for torch.
    import torch

    from pg.learning.training import train
    from pg.runs import logs, records, snapshots
    from pg.runs.recorder import RunRecorder

    torch.set_num_threads(1)
    logs.log_to(None)
    job = train_job(study, cell, options.seeds)
    if options.evaluations is None:
        job = job.model_copy(update={"evaluate": None})
    elif job.evaluate is None:
        raise Refused(f"--evaluations: {cell.experiment} declares no evaluate")
    rate = _tuned_rate(study, cell) if is_tuned(cell) else job.declared_rate
    recorder = RunRecorder(job.total_steps, options.snapshots)
    policies = snapshots.read_demonstrators(_demonstrators(study, cell, job), job.demonstrators)
    try:
        train(job, rate, recorder, policies)
    except CannotRunHere as problem:
        raise Refused(str(problem)) from problem
    if options.evaluations is not None:
        records.write_csv(recorder.evaluations(), options.evaluations)
    records.write_csv(recorder.frame(), options.output or sys.stdout)


def _cell(study: Study, experiment: str, environment: str, variant: str) -> Cell:
    if experiment not in study.training:
        raise Refused(f"--experiment: {experiment!r} does not train{nearest(experiment, study.training)}")
    trained = {(cell.environment_id, cell.variant_id): cell for cell in cells(study, experiment)}
    # Levels cross: each environment is there with every variant.
    environments, variants = (dict.fromkeys(ids) for ids in zip(*trained, strict=True))
    if problems := [
        *unknown("--environment", [environment], environments),
        *unknown("--variant", [variant], variants),
    ]:
        raise Refused("\n".join(problems))
    return trained[environment, variant]


def _check_places(options: argparse.Namespace) -> None:
    """Refuse what could not be written to before a run whose rows would be lost."""
    for option, file in (("--output", options.output), ("--evaluations", options.evaluations)):
        if file is not None:
            if file.is_dir():
                raise Refused(f"{option}: {file} is a folder; name a file, as {file / 'rows.csv'}")
            _check_folder(option, file.parent)
    if options.snapshots is not None:
        _check_folder("--snapshots", options.snapshots)


def _check_folder(option: str, folder: Path) -> None:
    nearest_there = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest_there.is_dir():
        raise Refused(f"{option}: {nearest_there} is a file, not a folder")
    if not os.access(nearest_there, os.W_OK):
        raise Refused(f"{option}: {nearest_there} cannot be written to")


def _tuned_rate(study: Study, cell: Cell) -> float:
    from pg.runs import records

    path = Path(study.results, "tuned", cell.experiment, cell.environment_id, f"{cell.variant_id}.json")
    if not path.exists():
        raise Refused(
            f"the learning rate of {cell.variant_id} is tuned, and {path} does not exist; make it with\n"
            f"  snakemake --cores all {path}"
        )
    return float(records.read_choice(path)["learning_rate"])


def _demonstrators(study: Study, cell: Cell, job: TrainJob) -> list[Path]:
    """Return the folders of the snapshots that the cell's policies imitate."""
    demonstrator = demonstrator_of(cell)
    if demonstrator is None:
        return []
    shown = demonstrator_cell(study, demonstrator, cell.environment_name)
    place = Path(study.results, "snapshots", shown.experiment, shown.environment_id, shown.variant_id)
    folders = [place / f"seeds-{block}" for block in demonstrator_blocks(study, demonstrator, job)]
    if missing := [str(folder) for folder in folders if not folder.exists()]:
        raise Refused(
            f"{cell.variant_id} imitates snapshots of {shown.experiment}, and {missing[0]} does not exist; make "
            f"what it needs with\n  snakemake --cores all {' '.join(missing)}"
        )
    return folders


def _verify(study: Study, options: argparse.Namespace) -> int:
    """Print how the results agree with the reference; return 0 where all that is concluded from them does."""
    from pg.claims import verification
    from pg.runs.tabular_files import UnreadableRecord

    _check_owner(
        study,
        options.reference,
        "there is nothing to compare; `python -m pg reference --reference FOLDER` keeps the results of this one",
    )
    try:
        findings = verification.verify(Path(study.results), options.reference)
    except UnreadableRecord as error:
        raise Refused(str(error)) from error
    print(verification.in_words(findings))
    return 0 if verification.agrees(findings) else 1


def _store(study: Study, options: argparse.Namespace) -> None:
    from pg.claims import verification
    from pg.runs.tabular_files import UnreadableRecord

    _check_owner(
        study,
        options.reference,
        "it would be replaced; `--reference FOLDER` keeps the results of this one elsewhere. Where it is the same "
        f"study under a new name, delete {options.reference / MARK}",
    )
    try:
        verification.store(Path(study.results), options.reference)
    except UnreadableRecord as error:
        raise Refused(str(error)) from error
    mark(options.reference, study)
    print(f"{options.reference} now holds the claims and tables of {study.results}")


def _check_owner(study: Study, reference: Path, remedy: str) -> None:
    if (other := owner_of(reference)) not in (None, study.name):
        raise Refused(f"{reference} is of the study {other!r}, and this one is {study.name!r}: {remedy}")


def _explain(study: Study) -> None:
    for name, variant in study.variants.items():
        print(f"{name}:\n  {equation(variant)}")
        for definition in definitions(variant):
            print(f"  {definition}")
    for name in study.experiments:
        print(f"{name}: {estimate(study, (name,))}{_least_batches(study, name)}")
    print(f"the whole study: {estimate(study)}")


def _least_batches(study: Study, experiment: str) -> str:
    """Say how many batches a training run has if every trajectory lasts until the horizon."""
    if experiment not in study.training:
        return ""
    budget = study.training[experiment].budget
    longest = max(cell.variant.batch * horizon_of(cell.environment) for cell in cells(study, experiment))
    batches = math.ceil(budget.steps / longest)
    return f"; batches per run: at least {min(batches, budget.max_iterations or batches)}"


if __name__ == "__main__":
    sys.exit(main())
