import gc
import re

from pg.study.code import code_digest, defining_files
from pg.study.expansion import blocks, cells
from pg.study.slicing import canonical, part_of

RESULTS = STUDY.results
SCRIPTS = Path(workflow.basedir, "workflow/scripts")
CELLS = {
    (name, cell.environment_id, cell.variant_id): cell
    for name in STUDY.experiments
    for cell in cells(STUDY, name)
}
# Otherwise the garbage collector visits all imported modules and the study again and again while Snakemake makes jobs,
# which takes a sixth of the time of a plan.
gc.freeze()


def code_of(script, *records):
    """Digest the code that a script runs on jobs or other records."""
    return code_digest(
        SCRIPTS / script,
        *{file for record in records for file in defining_files(record)},
    )


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
    return CELLS[wildcards.experiment, wildcards.environment, wildcards.variant]


BLOCKS = {
    (name, str(block)): block
    for name, experiment in STUDY.experiments.items()
    for block in blocks(experiment.seeds)
}


def block_of(wildcards):
    return BLOCKS[wildcards.experiment, wildcards.block]


def cells_of(experiment):
    return [cell for (name, _, _), cell in CELLS.items() if name == experiment]


def blocks_of(experiment):
    return blocks(STUDY.experiments[experiment].seeds)
