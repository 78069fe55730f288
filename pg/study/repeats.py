"""Find training and tuning jobs that are equal: the first one runs, and the others copy its files.

Jobs are equal if their slices of the study are equal, and so are the jobs whose results they read: the one that tunes
their learning rate, and those that train their demonstrators.
"""

from __future__ import annotations

from functools import cache, lru_cache
from hashlib import sha256

from pg.experiments.cells import Block, Cell
from pg.study.expansion import cells
from pg.study.record import Study
from pg.study.slicing import train_job, tune_job
from pg.study.sources import imitated_policies

Run = tuple[Cell, Block | None]
"""A training job, or a tuning job, which has no block of seeds."""


# Every part of a claim is checked against it.
@lru_cache(maxsize=8)
def first_runs(study: Study) -> dict[Run, Run]:
    """Map every training and tuning job of a study to the first of those that are equal, in the order of the study."""

    @cache
    def key_of(cell: Cell, block: Block | None) -> str:
        job = tune_job(study, cell) if block is None else train_job(study, cell, block)
        read = [key_of(*trained) for trained in imitated_policies(study, cell, job)]
        if block is not None and cell.variant.is_tuned:
            read.append(key_of(cell, None))
        return sha256("\n".join([job.canonical(), *read]).encode()).hexdigest()

    runs: list[Run] = []
    for name, experiment in study.training.items():
        for cell in cells(study, name):
            tuning = [None] if cell.variant.is_tuned else []
            runs += [(cell, block) for block in (*tuning, *experiment.seeds.blocks)]
    first: dict[str, Run] = {}
    return {run: first.setdefault(key_of(*run), run) for run in runs}
