"""The pipeline makes what it promises, the same bytes on any number of cores."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pg.claims.judge import COLUMNS
from pg.experiments.columns import LABORATORY_COLUMNS, RUN_COLUMNS
from tests.workflow.checkout import Checkout


def test_one_command_makes_everything_that_the_study_promises(finished: Checkout) -> None:
    out = finished.folder / "out"
    assert "A test study" in (out / "report.html").read_text(encoding="utf-8")
    assert list(pd.read_csv(out / "claims.csv").columns) == list(COLUMNS)
    assert list(pd.read_csv(out / "runs/learn/cartpole/total/seeds-0-1.csv").columns) == list(RUN_COLUMNS)
    assert list(pd.read_csv(out / "probes/gradients/cartpole/late/seeds-0-1.csv").columns) == list(
        LABORATORY_COLUMNS["probe"]
    )
    for figure in ("variance", "learning"):
        assert (out / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (out / f"figures/{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"figures/{figure}.txt").read_text(encoding="utf-8").strip()
    assert (out / "snapshots/learn/cartpole/total/seeds-0-1/late/seed-1.safetensors").exists()
    assert set(pd.read_csv(out / "tables/learn.csv")["seed"]) == {0, 1, 2, 3}


@pytest.mark.skipif(shutil.which("pdffonts") is None, reason="needs pdffonts, of poppler-utils")
def test_every_font_of_every_figure_is_embedded_and_none_is_of_type_3(finished: Checkout) -> None:
    figures = sorted((finished.folder / "out/figures").glob("*.pdf"))
    assert figures
    for figure in figures:
        listed = subprocess.run(["pdffonts", str(figure)], capture_output=True, text=True, check=True).stdout
        fonts = [line.split() for line in listed.splitlines()[2:]]
        assert fonts, figure.name
        # name, type (of two words), encoding, embedded, subset, unicode, object (two numbers)
        assert all("Type 3" not in " ".join(font) and font[-5] == "yes" for font in fonts), listed


def test_the_report_says_that_every_job_ran_the_code_that_is_there(finished: Checkout) -> None:
    assert "5 of 5 jobs ran the present code<" in (finished.folder / "out/report.html").read_text(encoding="utf-8")


def test_an_experiment_that_no_claim_and_no_figure_reads_is_run_before_the_report(
    fresh: Checkout, study: dict[str, Any]
) -> None:
    study["experiments"]["unread"] = {**study["experiments"]["learn"], "variants": ["to_go"]}
    fresh.write(study)
    for target in ((), ("report",)):
        plan = fresh.planned(*target)
        assert (plan["train"], plan["train_tables"]) == (6, 2)


def test_a_second_run_has_nothing_to_do(finished: Checkout) -> None:
    assert finished.planned() == {}


def test_one_core_and_two_make_the_same_bytes(finished: Checkout, fresh: Checkout) -> None:
    done = fresh.run(cores=1)
    assert done.returncode == 0, done.stderr
    assert fresh.files() == finished.files()


def test_how_seeds_are_grouped_into_jobs_leaves_tables_and_claims_as_they_are(
    finished: Checkout, fresh: Checkout, study: dict[str, Any]
) -> None:
    study["experiments"]["learn"]["seeds"]["per_job"] = 3
    study["experiments"]["gradients"]["seeds"]["per_job"] = 1
    fresh.write(study)
    done = fresh.run("claims", "out/tables/learn.csv")
    assert done.returncode == 0, done.stderr
    for name in ("out/tables/learn.csv", "out/tables/gradients.csv", "out/claims.csv"):
        assert (fresh.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def test_asking_for_one_figure_or_claim_runs_only_what_is_behind_it(fresh: Checkout) -> None:
    assert set(fresh.planned("out/figures/learning.pdf")) == {"train", "train_tables", "figure"}
    claim = fresh.planned("out/claims/causality.csv")
    assert claim == {"train": 1, "measure": 1, "laboratory_tables": 1, "claim": 1}


def test_training_by_hand_gives_the_rows_of_the_pipeline(finished: Checkout) -> None:
    command = [sys.executable, "-m", "pg", "train", "--experiment", "learn", "--environment", "cartpole"]
    done = subprocess.run(
        [*command, "--variant", "total", "--seeds", "0-1"],
        cwd=finished.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (finished.folder / "out/runs/learn/cartpole/total/seeds-0-1.csv").read_text(encoding="utf-8")
    assert done.stdout == rows


def test_training_by_hand_says_how_to_get_a_tuned_learning_rate(fresh: Checkout, study: dict[str, Any]) -> None:
    study["variants"]["total"]["optimizer"]["learning_rate"] = "tuned"
    study["experiments"]["learn"]["tuning"] = {"grid": [0.01, 0.1], "seeds": 2}
    fresh.write(study)
    command = [sys.executable, "-m", "pg", "train", "--experiment", "learn", "--environment", "cartpole"]
    done = subprocess.run(
        [*command, "--variant", "total", "--seeds", "0"], cwd=fresh.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "snakemake --cores all out/tuned/learn/cartpole/total.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_nobody_reads_to_its_end_is_no_failure_to_tell_of(fresh: Checkout) -> None:
    explaining = subprocess.Popen(
        [sys.executable, "-m", "pg", "explain"], cwd=fresh.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert explaining.stdout is not None
    assert explaining.stderr is not None
    explaining.stdout.close()
    assert explaining.stderr.read() == b""
    explaining.stderr.close()
    assert explaining.wait() == 1


def test_a_run_is_compared_with_the_reference_in_words(finished: Checkout, tmp_path: Path) -> None:
    def call(command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "pg", command, "--reference", str(tmp_path / "reference")],
            cwd=finished.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    assert "digests.csv" in call("verify").stderr
    assert call("reference").returncode == 0
    agreeing = call("verify")
    assert agreeing.returncode == 0
    assert "tables: 6 agree bit for bit (of 6 files)" in agreeing.stdout
    claims = pd.read_csv(tmp_path / "reference/claims.csv")
    claims.assign(verdict="refuted").to_csv(tmp_path / "reference/claims.csv", index=False)
    digests = pd.read_csv(tmp_path / "reference/digests.csv")
    digests.assign(sha256="other").to_csv(tmp_path / "reference/digests.csv", index=False)
    differing = call("verify")
    assert differing.returncode == 1
    assert "expected refuted" in differing.stdout
    (tmp_path / "reference/study.json").write_text('{"name": "Another"}', encoding="utf-8")
    other = call("verify")
    assert other.returncode == 2
    assert "belongs to the study 'Another', and this study is" in other.stderr


def test_another_study_replaces_the_default_one_and_a_value_overrides_it(fresh: Checkout) -> None:
    other = copy.deepcopy(yaml.safe_load((fresh.folder / "config.yaml").read_text(encoding="utf-8")))
    other["experiments"] = {"learn": other["experiments"]["learn"]}
    other["figures"], other["claims"] = {}, {}
    (fresh.folder / "other.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    assert "measure" not in fresh.planned("out/tables/learn.csv", "--configfile", "other.yaml")
    done = fresh.run("-n", "elsewhere/claims.csv", "--config", "results=elsewhere")
    assert done.returncode == 0, done.stderr
    assert "measure " in done.stdout + done.stderr
