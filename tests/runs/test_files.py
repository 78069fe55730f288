"""Files are written completely or not at all; JSON is read back or refused."""

import json
from pathlib import Path

import pytest
from pg.experiments.train.choice import read_choices
from pg.runs.files import UnreadableFile, read_json, write_atomically, write_json

CHOICE = {
    "learning_rate": 0.1,
    "at_edge": False,
    "scores": [{"learning_rate": 0.1, "seed": 0, "share": 1, "score": None}],
}


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise RuntimeError("half-way")

    path = tmp_path / "a.json"
    write_json({"a": 1}, path)
    with pytest.raises(TypeError):
        write_json({"a": object()}, path)
    with pytest.raises(RuntimeError, match="half-way"):
        write_atomically(path, fail)
    assert read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps({"selections": [CHOICE]})[:20], r"a\.json, line 1: is not JSON"),
        (json.dumps({"selections": [CHOICE]}, indent=2).replace("0.1", "0,1"), r"a\.json, line 4: is not JSON"),
        (
            json.dumps({"selections": [CHOICE | {"learning_rate": "fast"}]}),
            r"a\.json: selections\.0\.learning_rate: Input should be a valid number",
        ),
        (
            json.dumps({"selections": [CHOICE | {"scores": [{"seed": 0}]}]}),
            r"a\.json: selections\.0\.scores\.0\.learning_rate: ",
        ),
        *(
            (
                json.dumps({"selections": [CHOICE | {"learning_rate": rate}]}),
                r"a\.json: selections\.0\.learning_rate: Input should be ",
            )
            for rate in (-0.1, 0, float("nan"), float("inf"), "0.1", True)
        ),
        (
            json.dumps({"selections": [CHOICE | {"learning_rate": 0.2}]}),
            r"a\.json: selections\.0\.learning_rate: 0\.2 is not the best of the rates that were scored, 0\.1; delete",
        ),
        (
            json.dumps({"selections": [CHOICE | {"scores": []}]}),
            r"a\.json: selections\.0\.learning_rate: 0\.1 is not the best of the rates that were scored, nan; delete",
        ),
        ("[]", r"a\.json: is a JSON list, not an object"),
    ],
)
def test_a_damaged_choice_of_a_learning_rate_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"selections": [CHOICE]}), encoding="utf-8")
    assert read_choices(path)[0]["learning_rate"] == 0.1
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableFile, match=message):
        read_choices(path)
