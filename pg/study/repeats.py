"""Find jobs that repeat an earlier training or tuning job of the study: the first runs, and the others copy its files.

Jobs are equal if their slices of the study are equal, and so are the jobs whose results they read: the one that tunes
their learning rate, and those that train their demonstrators.
"""

from __future__ import annotations

from functools import cache, cached_property
from hashlib import sha256

from pg.experiments.cells import Block, Cell
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import train_job, tune_job
from pg.study.sources import imitated_policies


class Repeats:
    """The first of equal jobs, in the order of the study."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._key_of = cache(self._key)

    def first_tuning(self, cell: Cell) -> Cell:
        """Return the first cell with the same tuning job."""
        return self._first[self._key_of(cell, None)][0]

    def first_training(self, cell: Cell, block: Block) -> tuple[Cell, Block]:
        """Return the first cell and block of seeds with the same training job."""
        first, same = self._first[self._key_of(cell, block)]
        assert same is not None
        return first, same

    @cached_property
    def _first(self) -> dict[str, tuple[Cell, Block | None]]:
        first: dict[str, tuple[Cell, Block | None]] = {}
        for name, experiment in self._study.training.items():
            for cell in cells(self._study, name):
                for block in (*([None] if cell.variant.is_tuned else []), *experiment.seeds.blocks):
                    first.setdefault(self._key_of(cell, block), (cell, block))
        return first

    def _key(self, cell: Cell, block: Block | None) -> str:
        """Return a digest that equal jobs share; without a block, of the cell's tuning job."""
        study = self._study
        job = tune_job(study, cell) if block is None else train_job(study, cell, block)
        tuning = self._key_of(cell, None) if block is not None and cell.variant.is_tuned else ""
        imitated = [self._key_of(*trained) for trained in imitated_policies(study, cell, job)]
        return sha256("\n".join([job.canonical(), tuning, *imitated]).encode()).hexdigest()
