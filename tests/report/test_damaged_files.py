"""Damaged pictures and captions are named; a damaged benchmark file is left out."""

from pathlib import Path

import pytest
from pg.report.pictures import pictures_of
from pg.report.play import read
from pg.runs.files import UnreadableFile
from pg.runs.provenance import provenance
from pg.study.record import Study
from PIL import Image


@pytest.fixture
def drawn(study: Study, tmp_path: Path) -> tuple[Study, Path, Path]:
    """Return a study with one figure, its picture and its caption."""
    picture, caption = tmp_path / "tuning.png", tmp_path / "tuning.txt"
    Image.new("RGB", (4, 3)).save(picture)
    caption.write_text("A caption.", encoding="utf-8")
    return study.model_copy(update={"figures": {"tuning": study.figures["tuning"]}}), picture, caption


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty; delete"), (b"Caf\xe9", "line 1: byte 3 is not text; delete"), (b"\0", "is not text; delete")],
)
def test_a_damaged_caption_is_named(drawn: tuple[Study, Path, Path], content: bytes, message: str) -> None:
    study, picture, caption = drawn
    assert pictures_of(study, [str(picture)], [str(caption)])[0].finding == "A caption."
    caption.write_bytes(content)
    with pytest.raises(UnreadableFile, match=rf"tuning\.txt.*{message}"):
        pictures_of(study, [str(picture)], [str(caption)])


@pytest.mark.parametrize("cut", [0, 10, 50])
def test_a_damaged_picture_is_named(drawn: tuple[Study, Path, Path], cut: int) -> None:
    study, picture, caption = drawn
    picture.write_bytes(picture.read_bytes()[:cut])
    with pytest.raises(UnreadableFile, match=r"tuning\.png: is damaged: .*; delete the file and rerun"):
        pictures_of(study, [str(picture)], [str(caption)])


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{"])
def test_a_damaged_explorable_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "variance.json").write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"variance\.json"):
        read([str(tmp_path / "variance.json")])


@pytest.mark.parametrize("content", [b"", b"s\n", b"s\n-\n", b"other\n1\n", b"s\n\xff\n", b"\0\0", b"s\tx\n"])
def test_a_damaged_benchmark_file_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/good.tsv").write_text("s\th:m:s\n30.0\t0:00:30\n", encoding="utf-8")
    (tmp_path / "train/bad.tsv").write_bytes(content)
    found = provenance("snakemake", "digest", tmp_path, {})
    assert found["Time in jobs"] == "0.5 minutes of one core, in 1 jobs"
