"""Snapshots are found wherever a block keeps them, or refused by name."""

from pathlib import Path

import numpy as np
import pytest
from pg.runs import snapshots
from pg.runs.tabular_files import UnreadableRecord


def test_snapshots_are_found_in_whichever_block_holds_them(tmp_path: Path) -> None:
    for seed, block in ((0, "seeds-0-1"), (2, "seeds-2-3")):
        path = snapshots.snapshot_path(tmp_path / block, "late", seed)
        snapshots.write_snapshot({"weight": np.full((2, 2), seed, dtype=np.float32)}, path)
    folders = [tmp_path / "seeds-0-1", tmp_path / "seeds-2-3"]
    found = snapshots.read_snapshots(folders, "late", [0, 2])
    np.testing.assert_array_equal(found[2]["weight"], np.full((2, 2), 2))
    with pytest.raises(UnreadableRecord, match="no snapshot of seed 1 at stage late"):
        snapshots.read_snapshots(folders, "late", [1])
