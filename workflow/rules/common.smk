import gc
import re

from pg.study.code import code_digest, defining_files
from pg.study.expansion import cells
from pg.study.slicing import numbers_of, part_of

RESULTS = STUDY.results
SCRIPTS = HOME / "workflow/scripts"
CELLS = {cell.folder: cell for name in STUDY.experiments for cell in cells(STUDY, name)}
# The wildcards in the names of files of a cell, and of a block of its seeds.
CELL = "{experiment}/{environment}/{variant}"
BLOCK = f"{CELL}/seeds-{{block}}"
# Without this, the garbage collector visits all imported modules and the study repeatedly while Snakemake makes jobs,
# which takes a sixth of the time of a plan.
gc.freeze()
gc.enable()


def parameters(script, record, others=lambda w: ()):
    """Return a job's script, its record as JSON, and the digest of the code that the script runs on its records."""
    return {
        "script": script,
        "record": lambda w: record(w).canonical(),
        "code": lambda w: code_of(script, record(w), *others(w)),
    }


# The script and the records that each digest of code is of.
CODES = {}


def code_of(script, *records):
    files = {file for record in records for file in defining_files(record)}
    digest = code_digest(SCRIPTS / script, *files)
    CODES[digest] = (SCRIPTS / script, records)
    return digest


def one_of(names):
    # If there are no names, use a pattern that matches nothing.
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    experiment="[^/]+",
    environment="[^/]+",
    variant="[^/]+",
    stage="[^/]+",
    block=r"\d+-\d+",
    claim=one_of(STUDY.claims),
    figure=one_of(STUDY.figures),


def cell_of(wildcards):
    return CELLS[CELL.format_map(wildcards)]


def blocks_of(experiment):
    return STUDY.experiments[experiment].seeds.blocks


def block_of(wildcards):
    blocks = {str(block): block for block in blocks_of(wildcards.experiment)}
    return blocks[wildcards.block]
