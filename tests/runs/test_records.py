"""Files are written whole or not at all, and read back as they were, or refused by name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pg.runs import records


def test_numbers_survive_a_csv_bit_for_bit(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    values = generator.standard_normal(1000) * 10.0 ** generator.integers(-30, 30, 1000)
    records.write_csv(pd.DataFrame({"value": [*values, np.nan]}), tmp_path / "a.csv")
    back = records.read_csv(tmp_path / "a.csv", ["value"])["value"].to_numpy()
    np.testing.assert_array_equal(back, [*values, np.nan])


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records.write_json({"a": 1}, path)
    with pytest.raises(TypeError):
        records.write_json({"a": object()}, path)
    with pytest.raises(RuntimeError, match="half-way"):
        records.atomically(path, half_way)
    assert records.read_json(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def half_way(path: Path) -> None:
    path.write_text("half", encoding="utf-8")
    raise RuntimeError("half-way")


def test_files_are_grouped_by_key_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.csv" for i in range(4)]
    for i, path in enumerate(paths):
        records.write_csv(pd.DataFrame({"seed": [i]}), path)
    grouped = records.read_grouped(paths, ["a", "b"], ["seed"])
    assert grouped["a"]["seed"].tolist() == [0, 1]
    assert grouped["b"]["seed"].tolist() == [2, 3]


@pytest.mark.parametrize(("column", "said"), [("over", "to_go"), ("coverage", "90 % on skewed data at n = 20")])
def test_columns_that_speak_in_words_are_read_back(column: str, said: str, tmp_path: Path) -> None:
    """Tables across environments name a variant in `over`; claims say in `coverage` how far their interval holds."""
    frame = pd.DataFrame({"variant": ["total", "to_go"], column: [None, said], "estimate": [0.5, 1.0]})
    records.write_csv(frame, tmp_path / "table.csv")
    assert records.read_csv(tmp_path / "table.csv")[column].tolist()[1] == said
