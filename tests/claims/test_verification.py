"""A run is compared with the reference: bytes of files, then verdicts and joint intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pg.claims.verification import Verification, read_reference, store, verify
from pg.runs.files import UnreadableFile
from pg.runs.provenance import gives_same_bytes, processor
from pg.runs.results_folder import mark
from pg.runs.tables import read_csv, write_csv

CLAIM = {"claim": "c", "part": "p", "effect": 1.0, "ci_low": 0.5, "ci_high": 1.5, "n": 20, "selections": 0}
CLAIM |= {"primary": True, "verdict": "supported", "claim_verdict": "mixed", "statement": "S", "metric": "area"}
ROW = {"environment": "e", "variant": "v", "metric": "area", "statistic": "mean"}
ROW |= {"n": 20, "selections": 0, "method": "t"}
SUMMARY, RAW = "tables/ladder-summary.csv", "runs/ladder/e/v/seeds-0-0.csv"


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


@pytest.fixture
def of_another_processor(reference: Path) -> Path:
    (reference / "processor.txt").write_text("arm64, apple-m4, NEON\n", encoding="utf-8")
    return reference


def lines(found: Verification) -> list[str]:
    return str(found).splitlines()


def test_reference_holds_claims_summaries_and_digests_only(reference: Path) -> None:
    assert {path.relative_to(reference).as_posix() for path in reference.rglob("*.csv")} == {
        *("claims.csv", SUMMARY, "digests.csv")
    }
    assert set(pd.read_csv(reference / "digests.csv")["file"]) == {"claims.csv", SUMMARY, RAW}


def test_equal_bytes_agree_on_any_processor_in_five_lines(tmp_path: Path, of_another_processor: Path) -> None:
    found = verify(tmp_path / "first", of_another_processor)
    assert found.agrees
    assert lines(found) == [
        f"processors: {processor()}; the reference was made on arm64, apple-m4, NEON",
        "files: 3 of 3 agree bit for bit",
        "verdicts: 1 of 1 agree",
        "effects and summaries: 2 of 2 agree within joint intervals (5 % for all comparisons together)",
        "the run agrees with the reference bit for bit",
    ]


def test_other_bytes_on_the_same_processor_do_not_agree(tmp_path: Path, reference: Path) -> None:
    found = verify(write_results(tmp_path / "second", effect=1.001), reference)
    assert not found.agrees
    assert lines(found)[1] == "files: 2 of 3 agree bit for bit; other bytes: claims.csv"
    assert lines(found)[4].startswith(
        "the bytes differ, and the conclusions agree; this processor should give the same"
    )


@pytest.mark.parametrize(
    ("changes", "agree", "words"),
    [
        ({"effect": 1.2, "estimate": 11.0}, True, "effects and summaries: 2 of 2 agree"),
        ({"effect": 9.0}, False, "apart: claims.csv: c, p: 9 (8.5 to 9.5), expected 1 (0.5 to 1.5)"),
        ({"verdict": "undecided"}, True, "verdicts: 0 of 1 agree; changed: c: undecided, expected supported"),
        ({"verdict": "refuted"}, False, "changed: c: refuted, expected supported"),
    ],
)
def test_conclusions_decide_on_another_processor(
    tmp_path: Path, of_another_processor: Path, changes: dict[str, Any], agree: bool, words: str
) -> None:
    found = verify(write_results(tmp_path / "second", **changes), of_another_processor)
    assert found.agrees is agree
    assert words in str(found)
    assert lines(found)[4] == f"the bytes differ, and the conclusions {'agree' if agree else 'do not agree'}"


def test_absent_files_and_rows_are_missing(tmp_path: Path, of_another_processor: Path) -> None:
    results = write_results(tmp_path / "second")
    (results / RAW).unlink()
    write_csv(pd.read_csv(results / SUMMARY).assign(variant="other"), results / SUMMARY)
    found = verify(results, of_another_processor)
    assert found.missing == (RAW,)
    assert found.conclusions.missing == (f"{SUMMARY}: e, v, area",)
    assert not found.agrees


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        ("x86_64, znver4, AVX-512", "x86_64, haswell, AVX2", True),
        ("x86_64, znver4, AVX-512", "x86_64, nehalem, none of these", False),
        ("arm64, apple-m4, NEON", "arm64, apple-m4, NEON", True),
        ("arm64, apple-m4, NEON", "arm64, apple-m1, NEON", False),
        ("x86_64, haswell, AVX2", "", False),
    ],
)
def test_processors_with_avx2_give_the_same_bytes(mine: str, other: str, same: bool) -> None:
    assert gives_same_bytes(mine, other) is same


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


def test_a_new_reference_keeps_that_of_another_study_inside_it(tmp_path: Path, reference: Path) -> None:
    store(write_results(tmp_path / "thorough", effect=3.0), reference / "thorough")
    (reference / "tables" / "old-summary.csv").write_text("estimate\n", encoding="utf-8")
    store(write_results(tmp_path / "second", effect=2.0), reference)
    assert read_csv(reference / "thorough" / "claims.csv")["effect"].tolist() == [3.0]
    assert read_csv(reference / "claims.csv")["effect"].tolist() == [2.0]
    assert not (reference / "tables" / "old-summary.csv").exists()


def test_a_reference_is_read_with_its_study_and_processor(tmp_path: Path, of_another_processor: Path) -> None:
    found = read_reference(of_another_processor)
    assert (found.study, found.processor) == ("reference", "arm64, apple-m4, NEON")
    mark(of_another_processor, "My study")
    assert read_reference(of_another_processor).study == "My study"
    assert found.claims.equals(pd.read_csv(of_another_processor / "claims.csv"))
    with pytest.raises(UnreadableFile, match=r"nowhere/claims\.csv"):
        read_reference(tmp_path / "nowhere")


def test_missing_reference_and_columns_of_another_study_are_named(tmp_path: Path, reference: Path) -> None:
    results = write_results(tmp_path / "second")
    with pytest.raises(UnreadableFile, match=r"digests\.csv"):
        verify(results, tmp_path / "nowhere")
    write_csv(pd.read_csv(results / SUMMARY).rename(columns={"variant": "part"}), results / SUMMARY)
    with pytest.raises(UnreadableFile, match="of the run has no column variant; it has environment, part"):
        verify(results, reference)


def test_reference_without_the_verdicts_of_claims_is_named(tmp_path: Path, reference: Path) -> None:
    write_csv(pd.read_csv(reference / "claims.csv").drop(columns="verdict"), reference / "claims.csv")
    with pytest.raises(UnreadableFile, match=r"claims\.csv of the reference has no column verdict"):
        verify(write_results(tmp_path / "second", effect=1.2), reference)


def test_replications_are_compared_in_pairs(tmp_path: Path) -> None:
    runs = [
        write_results(tmp_path / "one"),
        write_results(tmp_path / "two", effect=1.2, estimate=11.0),
        write_results(tmp_path / "three", effect=3.0, verdict="undecided"),
    ]
    store(runs[0], tmp_path / "reference", runs[1:])
    found = read_csv(tmp_path / "reference/replication.csv")
    assert found[["first", "second", "claims", "agreeing", "intervals", "captured"]].to_numpy().tolist() == [
        ["one", "two", 1, 1, 4, 4],
        ["one", "three", 1, 0, 2, 0],
        ["two", "three", 1, 0, 4, 2],
    ]
    assert found["changed"].fillna("").tolist() == ["", *["c: supported, then undecided"] * 2]
    with pytest.raises(UnreadableFile, match="run the study first"):
        store(runs[0], tmp_path / "reference", [tmp_path / "nowhere"])
