"""`python -m pg` explains a study, and refuses a command that would fail before it runs anything."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pg.__main__ import main
from pg.claims.verification import store
from pg.runs.results_folder import mark
from pg.study.schema import text
from pg.study.validation import read
from tests.study.studies import ROOT, put

Output = pytest.CaptureFixture[str]


def run(options: dict[str, Any], *arguments: str, file: str = "config.yaml") -> int:
    Path(file).write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    return main(arguments)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_schema_that_editors_use_is_up_to_date() -> None:
    written = (ROOT / "workflow/schemas/study.schema.json").read_text(encoding="utf-8")
    assert written == text(), "update it with: python -m pg schema > workflow/schemas/study.schema.json"


def test_costs_of_experiments_and_study_are_explained(options: dict[str, Any], capsys: Output) -> None:
    assert run(options, "explain") == 0
    costs = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" of one core")]
    assert [line.split(": ")[0] for line in costs] == ["gradients", "exact", "the whole study"]
    # Two variants and five seeds, and five selections of two rates on two tuning seeds; 128 trajectories of 500 steps
    # at two stages.
    learned, measured = 2 * (5 + 5 * 2 * 2) * 100, 128 * 500 * 2 * 3
    # Evaluations at the start and after the one batch, of 8 episodes of 500 steps.
    steps = learned + 2 * 5 * (1 + 1) * 8 * 500 + measured
    assert costs[-1] == f"the whole study: {steps:,} environment steps, less than a minute of one core"


@pytest.mark.parametrize(
    ("budget", "batches"),
    [
        ({"steps": 15}, 1),
        ({"steps": 16 * 500}, 1),
        ({"steps": 16 * 500 + 1}, 2),
        ({"steps": 16 * 500 * 9, "max_iterations": 4}, 4),
    ],
)
def test_the_least_number_of_batches_is_explained(
    options: dict[str, Any], capsys: Output, budget: dict[str, int], batches: int
) -> None:
    put(options, "experiments/learn/budget", budget)
    assert run(options, "explain") == 0
    assert f"; batches per run: at least {batches}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("environments/cartpole", {"id": "stranger:CartPole-v1"}),
        ("variants/total/baseline", "stranger:Mine"),
        ("experiments/exact/kind", "stranger:Mine"),
        ("figures/variance/kind", "stranger:Mine"),
        ("claims/causality/parts/probed/relation", "stranger:Mine"),
    ],
)
def test_explain_imports_a_module_of_the_study_only_if_told_to(
    options: dict[str, Any], capsys: Output, monkeypatch: pytest.MonkeyPatch, path: str, value: Any
) -> None:
    monkeypatch.syspath_prepend(Path.cwd())
    Path("stranger.py").write_text("from pathlib import Path\nPath('harm').touch()\n1 / 0")
    put(options, path, value)
    assert run(options, "explain") == 2
    said = capsys.readouterr().err
    assert "`explain` imports no module that a study names unless asked, because importing runs its code" in said
    assert "add --import-modules if you trust it" in said
    assert not Path("harm").exists()
    assert run(options, "explain", "--import-modules") == 2
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert Path("harm").exists()


TRAIN = ("train", "--experiment", "learn", "--environment", "cartpole", "--variant", "to_go", "--seeds", "0")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--experiment", "gradients", "'gradients' does not train; allowed: learn"),
        ("--experiment", "lern", "'lern' does not train; did you mean 'learn'?; allowed: learn"),
        ("--environment", "pole", "'pole' is not known; did you mean 'cartpole'?; allowed: cartpole"),
        ("--variant", "togo", "'togo' is not known; did you mean 'to_go'?; allowed: total, to_go"),
        ("--output", "folder", "folder is a folder; name a file, for example folder/rows.csv"),
        ("--output", "file/x.csv", "file is a file, not a folder"),
        ("--evaluations", "folder", "folder is a folder; name a file, for example folder/rows.csv"),
        ("--evaluations", "file/new/x.csv", "file is a file, not a folder"),
        ("--snapshots", "file", "file is a file, not a folder"),
        ("--snapshots", "folder/../file/new", "folder/../file is a file, not a folder"),
        ("--snapshots", "read_only/new", "read_only is not writable"),
    ],
)
def test_unknown_names_and_unwritable_paths_are_refused(
    options: dict[str, Any], capsys: Output, monkeypatch: pytest.MonkeyPatch, option: str, value: str, message: str
) -> None:
    Path("folder").mkdir()
    Path("read_only").mkdir()
    Path("file").touch()
    # The user who runs the tests may be root.
    monkeypatch.setattr("os.access", lambda place, mode: (place, mode) != (Path("read_only"), os.W_OK))
    assert run(options, *TRAIN, option, value) == 2
    assert capsys.readouterr().err == f"{option}: {message}\n"


@pytest.fixture
def results(options: dict[str, Any]) -> Path:
    """The results folder of the small study, with the claims of a finished run."""
    folder = Path(options["results"])
    folder.mkdir(parents=True)
    (folder / "claims.csv").write_text("claim,verdict\ncausality,supported\n", encoding="utf-8")
    return folder


def test_the_reference_of_another_study_is_refused_and_kept(
    options: dict[str, Any], results: Path, capsys: Output
) -> None:
    reference = Path("reference")
    store(results, reference)
    mark(reference, "Another study")
    kept = {path: path.read_bytes() for path in reference.iterdir()}
    named = ("--configfile", "my study.yaml")
    for arguments in (("verify",), ("reference",), (*named, "verify"), ("verify", *named)):
        assert run(options, *arguments, file="my study.yaml" if len(arguments) > 1 else "config.yaml") == 2
        message, remedy = capsys.readouterr().err.splitlines()
        assert message.startswith("reference belongs to the study 'Another study', and this study is 'A small study'; ")
        study = " --configfile 'my study.yaml'" if len(arguments) > 1 else ""
        assert remedy == f"  python -m pg reference --reference FOLDER{study}"
    assert {path: path.read_bytes() for path in reference.iterdir()} == kept


def test_a_new_study_is_legal_and_overwrites_nothing(capsys: Output) -> None:
    assert main(["new-study", "mine"]) == 0
    assert capsys.readouterr().out.startswith("wrote mine.yaml; run it with\n  snakemake ")
    study = read(Path("mine.yaml"))
    assert (study.name, study.results) == ("mine", "results/mine")
    Path("mine.yaml").write_text("edited", encoding="utf-8")
    for name in ("mine", "mine.yaml"):
        assert main(["new-study", name]) == 2
        assert capsys.readouterr().err == "new-study: mine.yaml exists; choose another name\n"
    assert Path("mine.yaml").read_text(encoding="utf-8") == "edited"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder/mine", "new-study: a name has letters, digits, - and _"),
        ("true", "name: should be a valid string; it is True"),
        ("figures", "new-study: results: 'results/figures': studies store results in folders named 'figures'"),
        ('quo"te: [', "new-study: a name has letters, digits, - and _"),
    ],
)
def test_a_new_study_with_a_name_that_it_cannot_have_is_not_written(name: str, message: str, capsys: Output) -> None:
    assert main(["new-study", name]) == 2
    assert message in capsys.readouterr().err
    assert [*Path().iterdir()] == []


def test_the_snakefile_is_that_of_the_checkout(capsys: Output) -> None:
    assert main(["snakefile"]) == 0
    assert Path(capsys.readouterr().out.strip()) == ROOT / "workflow/Snakefile"
