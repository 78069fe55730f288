"""What changed since a job ran is named by its key."""

import json
import re
import subprocess
import sys
from itertools import chain
from typing import Any

import pytest
from pg.core.record import Record
from pg.study.code import code_digest, defining_files
from pg.study.reasons import changes, code_changes, recorded
from pg.study.slicing import part_of
from pg.study.validation import load
from tests.study.studies import ROOT
from tests.study.test_code_of_jobs import jobs

RECORD = {"budget": {"steps": 500}, "variant": {"returns": "total", "batch": 8}, "seeds": [0, 1]}


SCRIPT = ROOT / "workflow/scripts/train_tables.py"
JOINED = "pg/parts/baselines/average_reward.py"
EVER, NEVER = 0.0, 1e12  # times before and after all edits


def parameters(record: object, code: str = "0123456789abcdef") -> dict[str, str]:
    """Return parameters that went through Snakemake's records."""
    return recorded([repr(json.dumps(record)), repr(code)])


def code_of(*records: Record) -> str:
    return code_digest(SCRIPT, *(file for record in records for file in defining_files(record)))


def small(options: dict[str, Any], **variants: dict[str, Any]) -> Record:
    """Return the record of the tables of a small study with more variants."""
    options["variants"] = {**options["variants"], **variants}
    options["experiments"]["learn"]["variants"] = ["total", "to_go", *variants]
    return part_of(load(options), ["learn"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"budget": {"steps": 600}}, "budget.steps: 500 → 600"),
        ({"seeds": [0, 1, 2]}, "seeds: [0, 1] → [0, 1, 2]"),
        ({"budget": {}}, "budget.steps: removed"),
        ({"kl": None}, "kl: added"),
        ({"variant": {"returns": "to_go", "batch": 4}}, "variant.returns: total → to_go; variant.batch: 8 → 4"),
    ],
)
def test_the_key_that_changed_is_named_with_both_values(changed: dict[str, object], said: str) -> None:
    assert changes(parameters(RECORD), parameters(RECORD | changed)) == said


def test_code_is_named_where_its_digest_changed() -> None:
    before, now = parameters(RECORD), parameters(RECORD, "fedcba9876543210")

    assert changes(before, now, ["code (pg/a.py)"]) == "code (pg/a.py)"
    assert changes(before, parameters(RECORD | {"seeds": [0]}), ["code"]) == "seeds: [0, 1] → [0]"


def shown_by_times() -> None:
    """Print each job of the smoke study whose code counts as edited because of the times of files alone."""
    for name, script, records in jobs():
        path = ROOT / "workflow/scripts" / script
        before = {"record": records[0].canonical(), "code": code_digest(path, *chain(*map(defining_files, records)))}
        if changed := [*code_changes(before, path, records, EVER)]:
            print(name, changed)


def test_times_of_files_are_no_edits() -> None:
    # In an interpreter of its own, where no other test has declared parts and kinds.
    program = "from tests.study.test_reasons import shown_by_times; shown_by_times()"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_code_that_a_record_adds_and_removes_is_named(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plain = small(options)
    based = small(options, based={"extends": "total", "baseline": "average_reward"})
    old, new = ({"record": record.canonical(), "code": code_of(record)} for record in (plain, based))

    assert [*code_changes(old, SCRIPT, [based], EVER)] == [f"code added ({JOINED})"]
    assert [*code_changes(new, SCRIPT, [plain], EVER)] == [f"code removed ({JOINED})"]


def test_edited_code_is_named_if_times_show_it(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plain = small(options)
    based = small(options, based={"extends": "total", "baseline": "average_reward"})
    before = {"record": plain.canonical(), "code": "0123456789abcdef"}

    assert [*code_changes(before, SCRIPT, [based], NEVER)] == ["code", f"code added ({JOINED})"]
    (edited,) = code_changes({"code": "0123456789abcdef"}, SCRIPT, [plain], EVER)
    assert re.fullmatch(r"code \(\S+, \S+, \S+ and \d+ more\)", edited)


def test_a_record_of_another_version_says_only_that_code_changed(options: dict[str, Any]) -> None:
    before = {"record": '{"unknown": 1}', "code": "0123456789abcdef"}

    assert [*code_changes(before, SCRIPT, [small(options)], NEVER)] == ["code"]


def test_other_parameters_and_long_values_are_short() -> None:
    assert changes(recorded(["'Using causality'"]), recorded(["'Recap'"])) == "other parameters"
    long = changes(parameters({"a": "x" * 100}), parameters({"a": "y"}))
    assert long == f"a: {'x' * 39}… → y"
