"""A run is compared with the reference file by file, and row by row if bytes differ."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pg.claims.verification import Agreement, agrees, in_words, processors, store, verify
from pg.runs.files import UnreadableFile
from pg.runs.provenance import processor
from pg.runs.tables import write_csv

CLAIM = {"claim": "c", "part": "p", "effect": 1.0, "ci_low": 0.5, "ci_high": 1.5}
CLAIM |= {"verdict": "supported", "claim_verdict": "supported"}
ROW = {"environment": "e", "variant": "v", "metric": "area", "statistic": "mean", "n": 20, "method": "t"}
SUMMARY, RAW = "tables/ladder-summary.csv", "runs/ladder/e/v/seeds-0-0.csv"
IDENTICAL, WITHIN, DIFFERENT, MISSING = Agreement


def write_results(folder: Path, *, effect: float = 1.0, estimate: float = 10.0, **verdicts: str) -> Path:
    """Write a small run: one claim, one summary, one file of raw rows."""
    claim = {**CLAIM, "effect": effect, "ci_low": effect - 0.5, "ci_high": effect + 0.5, **verdicts}
    summary = {**ROW, "estimate": estimate, "ci_low": estimate - 2, "ci_high": estimate + 2}
    write_csv(pd.DataFrame([claim]), folder / "claims.csv")
    write_csv(pd.DataFrame([summary]), folder / SUMMARY)
    write_csv(pd.DataFrame({"seed": [0], "return_mean": [estimate]}), folder / RAW)
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    store(write_results(tmp_path / "first"), tmp_path / "reference")
    return tmp_path / "reference"


def test_reference_holds_claims_summaries_and_digests_only(reference: Path) -> None:
    assert {path.relative_to(reference).as_posix() for path in reference.rglob("*.csv")} == {
        *("claims.csv", SUMMARY, "digests.csv")
    }
    assert set(pd.read_csv(reference / "digests.csv")["file"]) == {"claims.csv", SUMMARY, RAW}


def test_processors_of_both_runs_are_named(tmp_path: Path, reference: Path) -> None:
    assert processors(reference) == f"processors: {processor()}; the reference was made on {processor()}"
    (reference / "processor.txt").write_text("arm64, apple-m4, NEON\n", encoding="utf-8")
    assert processors(reference).endswith("; the reference was made on arm64, apple-m4, NEON")
    assert processors(tmp_path).endswith("a processor that it does not name")


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({}, (IDENTICAL, IDENTICAL, IDENTICAL), "claims.csv: 1 agree bit for bit"),
        ({"effect": 1.2, "estimate": 11.0}, (WITHIN, WITHIN, DIFFERENT), "runs: 1 do not agree\n  runs/ladder/e/v/"),
        ({"estimate": 12.5}, (IDENTICAL, DIFFERENT, DIFFERENT), "12.5 (10.5 to 14.5), expected 10 (8 to 12)"),
        ({"verdict": "undecided"}, (DIFFERENT, IDENTICAL, IDENTICAL), "c, p: verdict undecided, expected supported"),
        ({"claim_verdict": "mixed"}, (DIFFERENT, IDENTICAL, IDENTICAL), "claim_verdict mixed, expected supported"),
    ],
)
def test_results_agree_within_each_others_intervals(
    tmp_path: Path, reference: Path, changes: dict[str, Any], expected: tuple[Agreement, ...], words: str
) -> None:
    findings = verify(write_results(tmp_path / "second", **changes), reference)
    found = {one.file: one.agreement for one in findings}
    assert tuple(found[file] for file in ("claims.csv", SUMMARY, RAW)) == expected
    assert agrees(findings) == (DIFFERENT not in expected[:2])
    assert words in in_words(findings)


def test_absent_files_and_rows_are_missing(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    (results / RAW).unlink()
    write_csv(pd.read_csv(results / SUMMARY).assign(variant="other"), results / SUMMARY)
    findings = verify(results, reference)
    assert [one.agreement for one in findings if one.file in (RAW, SUMMARY)] == [MISSING, MISSING]
    assert "runs: 1 missing" in in_words(findings)
    assert not agrees(findings)


@pytest.mark.parametrize(("effect", "is_equal"), [(1.0 + 1e-12, True), (1.001, False)])
def test_rows_without_an_interval_must_be_equal(tmp_path: Path, effect: float, is_equal: bool) -> None:
    for folder, found in (("first", 1.0), ("second", effect)):
        row = {**CLAIM, "effect": found, "ci_low": None, "ci_high": None}
        write_csv(pd.DataFrame([row]), tmp_path / folder / "claims.csv")
    store(tmp_path / "first", tmp_path / "reference")
    assert agrees(verify(tmp_path / "second", tmp_path / "reference")) is is_equal


@pytest.mark.parametrize(("effect", "agreement"), [(math.nan, IDENTICAL), (1.0, DIFFERENT)])
def test_undefined_results_agree_with_each_other_only(tmp_path: Path, effect: float, agreement: Agreement) -> None:
    store(write_results(tmp_path / "first", effect=math.nan), tmp_path / "reference")
    findings = verify(write_results(tmp_path / "second", effect=effect, estimate=11.0), tmp_path / "reference")
    assert [one.agreement for one in findings if one.file == "claims.csv"] == [agreement]


def test_only_a_reference_is_replaced_and_only_by_a_run(tmp_path: Path) -> None:
    results, empty = write_results(tmp_path / "run"), tmp_path / "empty"
    for place in (results, results / "claims.csv"):
        with pytest.raises(UnreadableFile, match=rf"{place.name}: is not a reference"):
            store(results, place)
    assert (results / "claims.csv").exists()
    empty.mkdir()
    with pytest.raises(UnreadableFile, match="run the study first"):
        store(empty, tmp_path / "reference")
    store(results, empty)
    store(results, empty)
    assert (empty / "claims.csv").exists()


def test_missing_reference_and_columns_of_another_study_are_named(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    with pytest.raises(UnreadableFile, match=r"digests\.csv"):
        verify(results, tmp_path / "nowhere")
    write_csv(pd.read_csv(results / SUMMARY).rename(columns={"variant": "part"}), results / SUMMARY)
    with pytest.raises(UnreadableFile, match="of the run has no column variant; it has environment, part"):
        verify(results, reference)


def test_reference_without_the_verdicts_of_claims_is_named(tmp_path: Path, reference: Path) -> None:
    write_csv(pd.read_csv(reference / "claims.csv").drop(columns="claim_verdict"), reference / "claims.csv")
    with pytest.raises(UnreadableFile, match=r"claims\.csv of the reference has no column claim_verdict"):
        verify(write_results(tmp_path / "second", effect=1.2), reference)
