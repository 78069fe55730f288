"""Editors complete from the records themselves."""

from pathlib import Path

from pg.study.schema import text

ROOT = Path(__file__).parents[2]


def test_the_schema_that_editors_use_is_the_models_own() -> None:
    written = (ROOT / "workflow/schemas/study.schema.json").read_text(encoding="utf-8")
    assert written == text(), "write it anew with: python -m pg schema > workflow/schemas/study.schema.json"
