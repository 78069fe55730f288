"""An edit of the code changes the digests of the jobs that run it, and a new part those of no job."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from pg.core.record import Record
from pg.environments.record import Environment
from pg.study import code
from pg.study.expansion import cells
from pg.study.slicing import measurement_job, numbers_of, part_of, train_job, tune_job
from pg.study.sources import places_of
from tests.study.studies import ROOT, study_of
from tests.study.test_code import forget

STUDY = study_of("workflow/studies/smoke.yaml")


def jobs() -> Iterator[tuple[str, str, Sequence[Record]]]:
    """Yield name, script and records of jobs of every stage; the variants of `learning` and all other experiments."""
    for name, experiment in STUDY.experiments.items():
        script = "train_tables.py" if name in STUDY.training else "measurement_tables.py"
        yield f"tables {name}", script, [numbers_of(STUDY, [name])]
        if name not in STUDY.training:
            environment, stage = places_of(STUDY, name)[0]
            job = measurement_job(STUDY, name, environment, stage, experiment.seeds.blocks[0])
            yield f"measure {name}", "measure.py", [job]
    for cell in cells(STUDY, "learning")[:3]:
        block = STUDY.experiments["learning"].seeds.blocks[0]
        yield f"train {cell.variant_name}", "train.py", [train_job(STUDY, cell, block)]
        if cell.variant.is_tuned:
            yield f"tune {cell.variant_name}", "tune.py", [tune_job(STUDY, cell)]
    for name, claim in STUDY.claims.items():
        judged = {experiment for part in claim.parts.values() for experiment in part.experiments.values()}
        yield f"claim {name}", "claim.py", [claim, *(STUDY.experiments[experiment] for experiment in judged)]
    for name, figure in STUDY.figures.items():
        part = part_of(STUDY, [figure.experiment]).model_copy(update={"figures": {name: figure}})
        yield f"figure {name}", "figure.py", [part]


NAMES = [name for name, _, _ in jobs()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, to be edited."""
    folder = tmp_path_factory.mktemp("edited")
    for name in ("pg", "workflow/scripts", "workflow/report"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(autouse=True)
def in_the_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(code, "_ROOT", checkout)
    yield
    monkeypatch.undo()
    forget()


def digests(checkout: Path) -> dict[str, str]:
    forget()
    return {
        name: code.code_digest(
            checkout / "workflow/scripts" / script,
            *(entry for record in records for entry in code.defining_files(record)),
        )
        for name, script, records in jobs()
    }


def changed_by(checkout: Path, texts: Mapping[str, str]) -> set[str]:
    """Return the jobs with changed digests after files get these texts, and restore the files."""
    before = digests(checkout)
    former = {name: (checkout / name).read_text() if (checkout / name).exists() else None for name in texts}
    for name, text in texts.items():
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(text)
    after = digests(checkout)
    for name, text in former.items():
        (checkout / name).unlink() if text is None else (checkout / name).write_text(text)
    return {name for name in before if before[name] != after[name]}


def of(*stages: str) -> set[str]:
    return {name for name in NAMES if name.startswith(stages)}


@pytest.mark.parametrize(
    ("file", "affected", "unaffected"),
    [
        ("pg/experiments/train/tuning.py", of("tune"), of("train", "measure", "claim", "tables gradients")),
        ("pg/experiments/probe/measure.py", {"measure gradients"}, of("train", "tune", "measure forms", "tables")),
        ("pg/experiments/probe/record.py", {"tables gradients"}, of("train", "tune", "measure")),
        ("pg/experiments/train/metrics.py", {"tables learning"}, of("train", "tune", "measure")),
        ("pg/experiments/gait/metrics.py", {"tables gait", "measure gait"}, of("train", "tables gradients")),
        (
            "pg/claims/relations/less.py",
            {"claim causality_reduces_variance"},
            of("claim large", "train", "measure", "figure"),
        ),
        ("pg/parts/baselines/optimal.py", {"train to_go_optimal"}, {"train to_go", "train to_go_per_step"}),
        ("pg/learning/scores.py", {"train to_go_optimal", "measure gradients", "measure enumeration"}, of("tables")),
        ("pg/environments/small_mdps.py", {"measure enumeration"}, of("train", "tune")),
        ("pg/statistics/coverage.csv", of("claim", "tables"), of("train", "tune", "measure")),
    ],
)
def test_an_edit_changes_the_digests_of_jobs_that_run_the_code(
    checkout: Path, file: str, affected: set[str], unaffected: set[str]
) -> None:
    text = (checkout / file).read_text()
    changed = changed_by(checkout, {file: text + ("\n" if file.endswith(".csv") else "\nADDED = 1\n")})
    assert changed >= affected
    assert not changed & unaffected


DRAWN = {f"figure {name}" for name, figure in STUDY.figures.items() if figure.kind == "variance"}


@pytest.mark.parametrize(
    ("file", "affected"),
    [
        ("pg/experiments/probe/figures/variance.py", DRAWN),
        ("pg/runs/logs.py", set()),
        ("pg/runs/results_folder.py", set()),
        ("pg/fork_server.py", set()),
    ],
)
def test_an_edit_changes_no_other_digests(checkout: Path, file: str, affected: set[str]) -> None:
    assert changed_by(checkout, {file: (checkout / file).read_text() + "\nADDED = 1\n"}) == affected


@pytest.mark.parametrize(
    "package",
    ["pg/parts", "pg/environments", "pg/experiments", "pg/experiments/probe/figures", "pg/claims/relations"],
)
def test_a_new_part_changes_no_digest(checkout: Path, package: str) -> None:
    registry = (checkout / package / "registry.py").read_text()
    line = f"\nfrom {package.replace('/', '.')}.added import ADDED\n"
    added = {f"{package}/added.py": "ADDED = 1\n", f"{package}/registry.py": registry + line}
    assert changed_by(checkout, added) == set()


def test_own_figure_counts_with_its_kind_and_its_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_dots.py").write_text("")
    kind = "from pg.experiments.figures.kind import FigureKind\nDOTS = FigureKind('own_dots')\n"
    (tmp_path / "own_kinds.py").write_text(kind)
    name, figure = next(iter(STUDY.figures.items()))
    own = STUDY.model_copy(update={"figures": {name: figure.model_copy(update={"kind": "own_kinds:DOTS"})}})
    assert {tmp_path / "own_dots.py", tmp_path / "own_kinds.py"} <= code.defining_files(own)


def test_module_of_an_own_environment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_worlds.py").write_text("")
    job = train_job(STUDY, next(iter(cells(STUDY, "learning"))), STUDY.experiments["learning"].seeds.blocks[0])
    own = job.model_copy(update={"environment": Environment(id="own_worlds:Walk-v0")})
    assert code.defining_files(own) == {*code.defining_files(job), tmp_path / "own_worlds.py"}
