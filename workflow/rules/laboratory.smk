# Measurements on frozen policies. Every kind of laboratory experiment has a folder of its own and the same rule; gaits
# leave poses beside their rows.

from pg.study.problems.results import LABORATORY_FOLDERS
from pg.study.slicing import laboratory_job
from pg.study.sources import places_of, source_blocks, source_cell, source_of

LABORATORY = [name for name in STUDY.experiments if name not in TRAINING]
GAITS = [name for name in LABORATORY if STUDY.experiments[name].kind == "gait"]


def measured_in(experiment):
    """List the environment, stage and block of every job of a laboratory experiment."""
    return [
        (*place, block)
        for place in places_of(STUDY, experiment)
        for block in blocks_of(experiment)
    ]


def measurements_of(experiment, environment, stage, block):
    folder = LABORATORY_FOLDERS[STUDY.experiments[experiment].kind]
    return f"{RESULTS}/{folder}/{experiment}/{environment}/{stage}/seeds-{block}.csv"


def poses_of(experiment, environment, stage, block):
    folder = LABORATORY_FOLDERS["gait"]
    return (
        f"{RESULTS}/{folder}/{experiment}/{environment}/{stage}/seeds-{block}-poses.csv"
    )


def job_of(wildcards):
    return laboratory_job(
        STUDY,
        wildcards.experiment,
        wildcards.environment,
        wildcards.stage,
        block_of(wildcards),
    )


def snapshot_folders_of(wildcards):
    source = source_of(STUDY, wildcards.experiment)
    if source is None:
        return []
    cell = source_cell(STUDY, wildcards.experiment, wildcards.environment)
    return [
        snapshots_of(cell, block)
        for block in source_blocks(STUDY, source, block_of(wildcards))
    ]


rule measure:
    input:
        snapshots=snapshot_folders_of,
    output:
        rows=f"{RESULTS}/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.csv",
    log:
        f"{RESULTS}/logs/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.tsv"
    wildcard_constraints:
        folder=one_of(
            [folder for kind, folder in LABORATORY_FOLDERS.items() if kind != "gait"]
        ),
        experiment=one_of(LABORATORY),
    threads: 1
    params:
        job=lambda w: job_of(w).canonical(),
        code=lambda w: code_of("measure.py", job_of(w)),
    script:
        "../scripts/measure.py"


use rule measure as watch with:
    output:
        rows=f"{RESULTS}/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.csv",
        poses=f"{RESULTS}/{{folder}}/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}-poses.csv",
    wildcard_constraints:
        folder=LABORATORY_FOLDERS["gait"],
        experiment=one_of(GAITS),
