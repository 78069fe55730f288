"""The pipeline makes every file of the study."""

import copy
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pg.__main__ import main
from pg.claims.judge import COLUMNS
from pg.experiments.probe.record import ProbeExperiment
from pg.learning.columns import RUN_COLUMNS
from snakemake.scheduling.job_scheduler import JobScheduler
from tests.workflow.checkout import ROOT, Checkout

TRAIN = ("train", "--experiment", "learn", "--environment", "cartpole", "--variant", "total", "--seeds", "0-1")


def call(place: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m pg`."""
    command = [sys.executable, "-m", "pg", *arguments]
    return subprocess.run(command, cwd=place.folder, capture_output=True, text=True, check=False)


def test_one_command_makes_every_file_of_the_study(finished: Checkout) -> None:
    out = finished.folder / "out"
    rows, probes = "runs/learn/cartpole/total/seeds-0-1.csv", "probes/gradients/cartpole/late/seeds-0-1.csv"
    for name, columns in (("claims.csv", COLUMNS), (rows, RUN_COLUMNS)):
        assert list(pd.read_csv(out / name).columns) == list(columns)
    assert set(ProbeExperiment.columns()) <= set(pd.read_csv(out / probes).columns)
    for figure in ("variance", "learning"):
        assert (out / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (out / f"figures/{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"figures/{figure}.txt").read_text(encoding="utf-8").strip()
    assert (out / "snapshots/learn/cartpole/total/seeds-0-1/late/seed-1.safetensors").exists()
    assert set(pd.read_csv(out / "tables/learn.csv")["seed"]) == {0, 1, 2, 3}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "A test study" in page
    assert "5 of 5 jobs that train or measure ran the present code<" in page
    assert finished.planned() == {}


@pytest.mark.skipif(shutil.which("pdffonts") is None, reason="needs pdffonts, of poppler-utils")
def test_every_font_of_every_figure_is_embedded_and_not_type_3(finished: Checkout) -> None:
    figures = sorted((finished.folder / "out/figures").glob("*.pdf"))
    assert figures
    for figure in figures:
        listed = subprocess.run(["pdffonts", str(figure)], capture_output=True, text=True, check=True).stdout
        fonts = [line.split() for line in listed.splitlines()[2:]]
        assert fonts, figure.name
        # Columns: name, type (two words), encoding, embedded, subset, unicode, object (two numbers).
        assert all("Type 3" not in " ".join(font) and font[-5] == "yes" for font in fonts), listed


def test_seeds_per_job_change_neither_tables_nor_claims(
    finished: Checkout, fresh: Checkout, study: dict[str, Any]
) -> None:
    study["experiments"]["learn"]["seeds"]["per_job"] = 3
    study["experiments"]["gradients"]["seeds"]["per_job"] = 1
    fresh.write(study)
    fresh.complete("claims", "out/tables/learn.csv")
    for name in ("out/tables/learn.csv", "out/tables/gradients.csv", "out/claims.csv"):
        assert (fresh.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def test_the_report_waits_for_experiments_that_nothing_reads(fresh: Checkout, study: dict[str, Any]) -> None:
    study["experiments"]["unread"] = {**study["experiments"]["learn"], "variants": ["to_go"]}
    fresh.write(study)
    for target in ((), ("report",)):
        plan = fresh.planned(*target)
        assert (plan["train"], plan["train_tables"]) == (6, 2)


def test_one_figure_or_claim_runs_only_what_it_needs(fresh: Checkout) -> None:
    assert set(fresh.planned("out/figures/learning.pdf")) == {"train", "train_tables", "figure"}
    claim = fresh.planned("out/claims/causality.csv")
    assert claim == {"train": 1, "measure_clouds_trajectories": 1, "measurement_tables": 1, "claim": 1}


def test_slides_are_wide_pages_with_the_statement_of_each_claim(done: Checkout, study: dict[str, Any]) -> None:
    assert done.run("slides").returncode == 0
    for name, claim in study["claims"].items():
        slide = done.folder / f"out/slides/{name}.pdf"
        (size,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", slide.read_bytes())
        assert float(size[0]) / float(size[1]) == pytest.approx(16 / 9, rel=1e-3)
        if pdftotext := shutil.which("pdftotext"):
            said = subprocess.run([pdftotext, str(slide), "-"], capture_output=True, text=True, check=True).stdout
            assert claim["statement"] in " ".join(said.split())


def test_the_benchmark_and_the_study_share_no_rule(fresh: Checkout) -> None:
    alone = fresh.planned("benchmark")
    assert set(alone) == {"peers", "benchmarks", "benchmark_figure", "benchmark"}
    assert not set(alone) & set(fresh.planned())


def test_the_profile_for_slurm_groups_all_short_jobs(fresh: Checkout) -> None:
    smoke = (ROOT / "workflow/studies/smoke.yaml").read_text(encoding="utf-8")
    (fresh.folder / "config.yaml").write_text(smoke, encoding="utf-8")
    rules = set(fresh.run("--list-rules").stdout.split())
    grouped = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text(encoding="utf-8"))["groups"]
    alone = {"tune", "claims_table", "report_page", "peers", "benchmarks", "benchmark_figure"}
    assert rules - alone - {
        "all",
        "experiments",
        "tables",
        "claims",
        "figures",
        "report",
        "slides",
        "benchmark",
    } == set(grouped)


def test_a_given_study_replaces_the_default_one(fresh: Checkout) -> None:
    other = copy.deepcopy(yaml.safe_load((fresh.folder / "config.yaml").read_text(encoding="utf-8")))
    other["experiments"] = {"learn": other["experiments"]["learn"]}
    other["figures"], other["claims"] = {}, {}
    (fresh.folder / "other.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    assert "measure_clouds_trajectories" not in fresh.planned("out/tables/learn.csv", "--configfile", "other.yaml")


def test_training_by_hand_gives_the_rows_and_evaluations_of_the_pipeline(finished: Checkout, tmp_path: Path) -> None:
    rows, evaluations = (
        finished.folder / f"out/{kind}/learn/cartpole/total/seeds-0-1.csv" for kind in ("runs", "evaluations")
    )
    done = call(finished, *TRAIN, "--evaluations", str(tmp_path / "made.csv"))
    assert done.stdout == rows.read_text(encoding="utf-8"), done.stderr
    assert (tmp_path / "made.csv").read_bytes() == evaluations.read_bytes()


def test_training_by_hand_names_the_command_that_tunes(
    fresh: Checkout, study: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study["variants"]["total"]["optimizer"]["learning_rate"] = "tuned"
    study["experiments"]["learn"]["tuning"] = {"grid": [0.01, 0.1], "seeds": 2}
    fresh.write(study)
    monkeypatch.chdir(fresh.folder)
    assert main([*TRAIN]) == 2
    assert "\n  snakemake --cores all out/tuned/learn/cartpole/total.json\n" in capsys.readouterr().err


def test_a_closed_pipe_prints_no_error(fresh: Checkout) -> None:
    command = [sys.executable, "-m", "pg", "explain"]
    with subprocess.Popen(command, cwd=fresh.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_a_run_is_compared_with_a_stored_reference(
    finished: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.folder)
    reference = finished.folder / "reference"
    assert main(["verify"]) == 2
    assert "digests.csv" in capsys.readouterr().err
    assert main(["reference"]) == 0
    assert main(["verify"]) == 0
    agreeing = capsys.readouterr().out
    assert "the run agrees with the reference bit for bit" in agreeing
    assert "the reference was made on" in agreeing
    for name, column, value in (("claims.csv", "verdict", "refuted"), ("digests.csv", "sha256", "other")):
        pd.read_csv(reference / name).assign(**{column: value}).to_csv(reference / name, index=False)
    assert main(["verify"]) == 1
    assert "expected refuted" in capsys.readouterr().out


@pytest.mark.slow
def test_20_seeds_solve_cartpole_and_18_the_pendulum(fresh: Checkout) -> None:
    shutil.copy(ROOT / "workflow/studies/learning.yaml", fresh.folder / "config.yaml")
    fresh.complete(limit=1800)
    for experiment, least in (("cartpole", 20), ("pendulum", 18)):
        table = pd.read_csv(fresh.folder / f"results/learning/tables/{experiment}.csv")
        solved = table.query("metric == 'solved'")["value"]
        assert len(solved) == 20
        assert solved.sum() >= least


def test_snakemakes_scheduler_works_without_its_limit_of_jobs() -> None:
    """It is not part of Snakemake's documented interface."""
    rules = (ROOT / "workflow/rules/processes.smk").read_text(encoding="utf-8")
    (removed,) = re.findall(r"workflow\.scheduler\.(\w+) = None", rules)
    assert f"self.{removed} is None" in inspect.getsource(JobScheduler.job_selector)
