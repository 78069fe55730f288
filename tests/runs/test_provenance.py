"""A report says where its results come from, and whether all of them were made by the same code."""

from __future__ import annotations

import logging
from pathlib import Path

from pg.runs.logs import log_to, logged_code
from pg.runs.provenance import provenance


def write_log(path: Path, code: str) -> str:
    path.write_text(f"12:00:00 code {code}\n12:00:01 iteration 1\n", encoding="utf-8")
    return str(path)


def told(codes: dict[str, str]) -> str:
    return provenance("snakemake", "config", "package", Path("no_such_folder"), codes)["Code of the jobs"]


def test_a_log_begins_with_the_code_of_its_job(tmp_path: Path) -> None:
    logger = logging.getLogger("pg")
    before = list(logger.handlers)
    try:
        log_to(tmp_path / "a.log", "1234abcd")
    finally:
        for handler in set(logger.handlers) - set(before):
            handler.close()
            logger.removeHandler(handler)
    assert logged_code(tmp_path / "a.log") == "1234abcd"


def test_a_log_that_is_missing_or_silent_names_no_code(tmp_path: Path) -> None:
    (tmp_path / "silent.log").write_text("12:00:00 iteration 1\n", encoding="utf-8")
    assert logged_code(tmp_path / "silent.log") is None
    assert logged_code(tmp_path / "missing.log") is None


def test_jobs_of_the_present_code_are_counted(tmp_path: Path) -> None:
    logs = {write_log(tmp_path / f"{name}.log", "new"): "new" for name in "ab"}
    assert told(logs) == "2 of 2 jobs ran the present code"


def test_a_job_of_other_code_is_flagged_and_named(tmp_path: Path) -> None:
    old = write_log(tmp_path / "old.log", "old")
    assert told({write_log(tmp_path / "a.log", "new"): "new", old: "new"}) == (
        f"mixed: 1 of 2 jobs ran the present code; other code made {old}"
    )


def test_a_job_without_a_log_is_not_taken_for_one_of_the_present_code(tmp_path: Path) -> None:
    codes = {write_log(tmp_path / "a.log", "new"): "new", str(tmp_path / "gone.log"): "new"}
    assert told(codes) == "1 of 2 jobs ran the present code, 1 left no log"


def test_time_is_the_sum_over_the_benchmark_files_of_the_jobs_and_told_by_stage(tmp_path: Path) -> None:
    for name, seconds in {"tune/a": 30.0, "train/a/b": 60.0, "train/c": 90.0, "claims": 6.0}.items():
        file = tmp_path / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\n{seconds}\t0:00:01\n", encoding="utf-8")
    told_of = provenance("snakemake", "config", "package", tmp_path, {})
    assert told_of["Time in jobs"] == "3.1 minutes of one core, in 4 jobs"
    assert [(name, value) for name, value in told_of.items() if name.startswith("… ")] == [
        ("… train", "2.5 minutes, in 2 jobs"),
        ("… tune", "0.5 minutes, in 1 jobs"),
        ("… claims", "0.1 minutes, in 1 jobs"),
    ]
