from itertools import chain, product

from pg.study.repeats import first_runs
from pg.study.slicing import train_job, tune_job
from pg.study.sources import imitated_policies

TRAINING = list(STUDY.training)
FIRST_RUNS = first_runs(STUDY)


def trained_in(experiment):
    """List the cell and block of every job of a training experiment."""
    return product(cells(STUDY, experiment), blocks_of(experiment))


def tuned_cells(experiment):
    return [cell for cell in cells(STUDY, experiment) if cell.variant.is_tuned]


def tuned_of(cell):
    return f"{RESULTS}/tuned/{cell.folder}.json"


def runs_of(cell, block):
    return f"{RESULTS}/runs/{cell.folder}/seeds-{block}.csv"


def evaluations_of(cell, block):
    return f"{RESULTS}/evaluations/{cell.folder}/seeds-{block}.csv"


def snapshots_of(cell, block):
    return f"{RESULTS}/snapshots/{cell.folder}/seeds-{block}"


def results_of(cell, block):
    """Name the outputs of a training job, in the order of its rule."""
    return [
        runs_of(cell, block),
        evaluations_of(cell, block),
        *chain.from_iterable(policies_of([(cell, block)]).values()),
    ]


def policies_of(trained):
    """Return the folders of snapshots of training jobs, and the files of their digests."""
    folders = [snapshots_of(*job) for job in trained]
    # Snakemake would compare the times of folders, which are new in a copy of the results. It compares the digests.
    return {
        "snapshots": list(map(ancient, folders)),
        "digests": [f"{folder}.sha256" for folder in folders],
    }


def tune_job_of(wildcards):
    return tune_job(STUDY, cell_of(wildcards))


def train_job_of(wildcards):
    return train_job(STUDY, cell_of(wildcards), block_of(wildcards))


def inputs_of_tuning(wildcards):
    """Return the result of an earlier equal job if there is one, else the inputs of the job."""
    cell = cell_of(wildcards)
    first, _ = FIRST_RUNS[cell, None]
    if first != cell:
        return {"same": tuned_of(first)}
    return policies_of(imitated_policies(STUDY, cell, tune_job_of(wildcards)))


def inputs_of_training(wildcards):
    """Return the results of an earlier equal job if there is one, else the inputs of the job."""
    cell, block = cell_of(wildcards), block_of(wildcards)
    tuned = tuned_of(cell) if cell.variant.is_tuned else []
    first = FIRST_RUNS[cell, block]
    if first != (cell, block):
        return {"same": results_of(*first), "tuned": tuned}
    imitated = imitated_policies(STUDY, cell, train_job_of(wildcards))
    return {"tuned": tuned, **policies_of(imitated)}


rule tune:
    input:
        unpack(inputs_of_tuning),
    output:
        f"{RESULTS}/tuned/{CELL}.json",
    log:
        f"{RESULTS}/logs/tuned/{CELL}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tune/{CELL}.tsv"
    wildcard_constraints:
        experiment=one_of(TRAINING),
    priority: 2
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("tune.py", tune_job_of),
        # Not an output, because Snakemake removes outputs before it reruns an interrupted job.
        checkpoint=f"{RESULTS}/checkpoints/tuned/{CELL}",
    script:
        "../scripts/job.py"


rule train:
    input:
        unpack(inputs_of_training),
    output:
        rows=f"{RESULTS}/runs/{BLOCK}.csv",
        evaluations=f"{RESULTS}/evaluations/{BLOCK}.csv",
        snapshots=directory(f"{RESULTS}/snapshots/{BLOCK}"),
        digests=f"{RESULTS}/snapshots/{BLOCK}.sha256",
    log:
        f"{RESULTS}/logs/runs/{BLOCK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{BLOCK}.tsv"
    wildcard_constraints:
        experiment=one_of(TRAINING),
    priority: 1
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("train.py", train_job_of),
        checkpoint=f"{RESULTS}/checkpoints/runs/{BLOCK}",
    script:
        "../scripts/job.py"
