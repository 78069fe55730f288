"""A run is compared with the reference file by file, and row by row if bytes differ."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pg.claims.verification import Agreement, Finding, agrees, in_words, store, verify
from pg.runs.files import UnreadableFile
from pg.runs.tables import write_csv

CLAIM = {"claim": "c", "part": "p", "effect": 1.0, "ci_low": 0.5, "ci_high": 1.5, "verdict": "supported"}
ROW = {"environment": "e", "variant": "v", "metric": "area", "statistic": "mean", "n": 20, "method": "t"}
SUMMARY = "tables/ladder-summary.csv"


def write_results(folder: Path, *, effect: float = 1.0, verdict: str = "supported", estimate: float = 10.0) -> Path:
    """Write a small run: one claim, one summary, one file of raw rows."""
    claim = {**CLAIM, "effect": effect, "ci_low": effect - 0.5, "ci_high": effect + 0.5, "verdict": verdict}
    summary = {**ROW, "estimate": estimate, "ci_low": estimate - 2, "ci_high": estimate + 2}
    write_csv(pd.DataFrame([claim]), folder / "claims.csv")
    write_csv(pd.DataFrame([summary]), folder / SUMMARY)
    write_csv(pd.DataFrame({"seed": [0], "return_mean": [estimate]}), folder / "runs/ladder/e/v/seeds-0-0.csv")
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    store(write_results(tmp_path / "first"), tmp_path / "reference")
    return tmp_path / "reference"


def of(findings: tuple[Finding, ...], file: str) -> Finding:
    (finding,) = (finding for finding in findings if finding.file == file)
    return finding


def test_reference_holds_claims_summaries_and_digests_only(reference: Path) -> None:
    kept = {path.relative_to(reference).as_posix() for path in reference.rglob("*.csv")}

    assert kept == {"claims.csv", SUMMARY, "digests.csv"}
    assert set(pd.read_csv(reference / "digests.csv")["file"]) == {
        "claims.csv",
        SUMMARY,
        "runs/ladder/e/v/seeds-0-0.csv",
    }


def test_equal_runs_agree_bit_for_bit(tmp_path: Path, reference: Path) -> None:
    findings = verify(write_results(tmp_path / "second"), reference)

    assert {finding.agreement for finding in findings} == {Agreement.IDENTICAL}
    assert agrees(findings)


def test_result_inside_the_interval_agrees(tmp_path: Path, reference: Path) -> None:
    findings = verify(write_results(tmp_path / "second", effect=1.2, estimate=11.0), reference)

    assert of(findings, "claims.csv").agreement is Agreement.WITHIN_INTERVALS
    assert of(findings, SUMMARY).agreement is Agreement.WITHIN_INTERVALS
    assert of(findings, "runs/ladder/e/v/seeds-0-0.csv").agreement is Agreement.DIFFERENT
    assert agrees(findings)


def test_result_outside_the_interval_differs(tmp_path: Path, reference: Path) -> None:
    findings = verify(write_results(tmp_path / "second", estimate=12.5), reference)

    assert of(findings, SUMMARY).agreement is Agreement.DIFFERENT
    assert not agrees(findings)
    assert "12.5 (10.5 to 14.5), expected 10 (8 to 12)" in in_words(findings)


def test_other_verdict_differs_however_close_the_effect(tmp_path: Path, reference: Path) -> None:
    findings = verify(write_results(tmp_path / "second", verdict="inconclusive"), reference)

    assert of(findings, "claims.csv").agreement is Agreement.DIFFERENT
    assert "inconclusive, expected supported" in in_words(findings)
    assert not agrees(findings)


def test_absent_file_is_missing(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    (results / "runs/ladder/e/v/seeds-0-0.csv").unlink()

    findings = verify(results, reference)

    assert of(findings, "runs/ladder/e/v/seeds-0-0.csv").agreement is Agreement.MISSING
    assert "runs: 1 missing" in in_words(findings)
    assert not agrees(findings)


def test_absent_row_is_missing(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    summary = pd.read_csv(results / SUMMARY)
    write_csv(summary.assign(variant="other"), results / SUMMARY)

    assert of(verify(results, reference), SUMMARY).agreement is Agreement.MISSING


def test_rows_without_an_interval_must_be_equal(tmp_path: Path) -> None:
    def exact(folder: Path, effect: float) -> Path:
        write_csv(pd.DataFrame([{**CLAIM, "effect": effect, "ci_low": None, "ci_high": None}]), folder / "claims.csv")
        return folder

    store(exact(tmp_path / "first", 1.0), tmp_path / "reference")

    assert agrees(verify(exact(tmp_path / "rounded", 1.0 + 1e-12), tmp_path / "reference"))
    assert not agrees(verify(exact(tmp_path / "other", 1.001), tmp_path / "reference"))


def test_undefined_results_agree_with_each_other_only(tmp_path: Path) -> None:
    nothing = float("nan")
    store(write_results(tmp_path / "first", effect=nothing), tmp_path / "reference")

    undefined = verify(write_results(tmp_path / "second", effect=nothing, estimate=11.0), tmp_path / "reference")
    defined = verify(write_results(tmp_path / "third", effect=1.0), tmp_path / "reference")

    assert of(undefined, "claims.csv").agreement is Agreement.IDENTICAL
    assert of(defined, "claims.csv").agreement is Agreement.DIFFERENT


def test_run_without_claims_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="run the study first"):
        store(tmp_path / "empty", tmp_path / "reference")


def test_folder_that_is_no_reference_is_not_replaced(tmp_path: Path) -> None:
    results, empty = write_results(tmp_path / "run"), tmp_path / "empty"
    kept = results / "claims.csv"
    for place in (results, kept):
        with pytest.raises(UnreadableFile, match=rf"{place.name}: is no reference"):
            store(results, place)
    assert kept.exists()
    empty.mkdir()
    store(results, empty)
    store(results, empty)
    assert (empty / "claims.csv").exists()


def test_missing_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"digests\.csv"):
        verify(write_results(tmp_path / "run"), tmp_path / "reference")


def test_columns_of_another_study_are_named(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    write_csv(pd.read_csv(results / SUMMARY).rename(columns={"variant": "part"}), results / SUMMARY)

    with pytest.raises(UnreadableFile, match="has no column variant; it has environment, part"):
        verify(results, reference)
