# Measurements on frozen or random policies: a job per environment, stage and block of seeds.

from pg.study.slicing import measurement_job
from pg.study.sources import places_of, source_blocks, source_cell

LABORATORY = [name for name in STUDY.experiments if name not in TRAINING]


def measured_in(experiment):
    """List the environment, stage and block of every job of an experiment."""
    return [
        (*place, block)
        for place in places_of(STUDY, experiment)
        for block in blocks_of(experiment)
    ]


def measurements_of(experiment, environment, stage, block, table=""):
    """Name the file of a job's rows, or of a further table."""
    folder = STUDY.experiments[experiment].folder
    suffix = f"-{table}" if table else ""
    return f"{RESULTS}/{folder}/{experiment}/{environment}/{stage}/seeds-{block}{suffix}.csv"


def job_of(wildcards):
    return measurement_job(
        STUDY,
        wildcards.experiment,
        wildcards.environment,
        wildcards.stage,
        block_of(wildcards),
    )


def snapshot_folders_of(wildcards):
    source = STUDY.experiments[wildcards.experiment].policies_from
    if source is None:
        return []
    cell = source_cell(STUDY, wildcards.experiment, wildcards.environment)
    return [
        snapshots_of(cell, block)
        for block in source_blocks(STUDY, source, block_of(wildcards))
    ]


# One rule per set of tables that jobs write: most kinds write only rows, gaits also write poses.
for TABLES in dict.fromkeys(
    tuple(STUDY.experiments[name].more_tables) for name in LABORATORY
):
    FILLING = [
        name
        for name in LABORATORY
        if tuple(STUDY.experiments[name].more_tables) == TABLES
    ]

    rule:
        name:
            "_".join(["measure", *TABLES])
        input:
            snapshots=snapshot_folders_of,
        output:
            **{
                table: f"{RESULTS}/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}-{table}.csv"
                for table in TABLES
            },
            rows=f"{RESULTS}/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.csv",
        log:
            f"{RESULTS}/logs/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.tsv"
        wildcard_constraints:
            folder=one_of({STUDY.experiments[name].folder for name in FILLING}),
            experiment=one_of(FILLING),
        threads: 1
        params:
            job=lambda w: job_of(w).canonical(),
            code=lambda w: code_of("measure.py", job_of(w)),
        script:
            "../scripts/measure.py"
