from itertools import product

from pg.study.expansion import is_tuned
from pg.study.repeats import Repeats
from pg.study.slicing import train_job, tune_job
from pg.study.sources import demonstrator_blocks, demonstrator_cell, demonstrator_of

TRAINING = list(STUDY.training)
REPEATS = Repeats(STUDY)
# Not declared as outputs, because Snakemake removes outputs before it reruns an interrupted job.
CHECKPOINTS = f"{RESULTS}/checkpoints"
EVALUATED = [name for name in TRAINING if STUDY.experiments[name].evaluate is not None]


def trained_in(experiment):
    """List the cell and block of every job of a training experiment."""
    return product(cells_of(experiment), blocks_of(experiment))


def tuned_of(cell):
    return f"{RESULTS}/tuned/{cell.experiment}/{cell.environment_id}/{cell.variant_id}.json"


def runs_of(cell, block):
    return f"{RESULTS}/runs/{cell.experiment}/{cell.environment_id}/{cell.variant_id}/seeds-{block}.csv"


def evaluations_of(cell, block):
    return f"{RESULTS}/evaluations/{cell.experiment}/{cell.environment_id}/{cell.variant_id}/seeds-{block}.csv"


def snapshots_of(cell, block):
    return f"{RESULTS}/snapshots/{cell.experiment}/{cell.environment_id}/{cell.variant_id}/seeds-{block}"


def results_of(cell, block):
    """Name the outputs of a training job, in the order of its rule."""
    evaluations = [evaluations_of(cell, block)] if cell.experiment in EVALUATED else []
    return [runs_of(cell, block), *evaluations, snapshots_of(cell, block)]


def demonstrators_of(cell, job):
    demonstrator = demonstrator_of(cell)
    if demonstrator is None:
        return []
    trained = demonstrator_cell(STUDY, demonstrator, cell.environment_name)
    return [
        snapshots_of(trained, block)
        for block in demonstrator_blocks(STUDY, demonstrator, job)
    ]


def inputs_of_tuning(wildcards):
    """Return the result of an earlier equal job if there is one, else the inputs of the job."""
    cell = cell_of(wildcards)
    first = REPEATS.first_tuning(cell)
    if first != cell:
        return {"same": tuned_of(first)}
    return {"demonstrators": demonstrators_of(cell, tune_job(STUDY, cell))}


def inputs_of_training(wildcards):
    """Return the results of an earlier equal job if there is one, else the inputs of the job."""
    cell, block = cell_of(wildcards), block_of(wildcards)
    tuned = tuned_of(cell) if is_tuned(cell) else []
    first = REPEATS.first_training(cell, block)
    if first != (cell, block):
        return {"same": results_of(*first), "tuned": tuned}
    job = train_job(STUDY, cell, block)
    return {"tuned": tuned, "demonstrators": demonstrators_of(cell, job)}


rule tune:
    input:
        unpack(inputs_of_tuning),
    output:
        f"{RESULTS}/tuned/{{experiment}}/{{environment}}/{{variant}}.json",
    log:
        f"{RESULTS}/logs/tuned/{{experiment}}/{{environment}}/{{variant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tune/{{experiment}}/{{environment}}/{{variant}}.tsv"
    wildcard_constraints:
        experiment=one_of(TRAINING),
    priority: 2
    threads: 1
    params:
        job=lambda w: tune_job(STUDY, cell_of(w)).canonical(),
        code=lambda w: code_of("tune.py", tune_job(STUDY, cell_of(w))),
        checkpoint=f"{CHECKPOINTS}/tuned/{{experiment}}/{{environment}}/{{variant}}",
    script:
        "../scripts/tune.py"


rule train:
    input:
        unpack(inputs_of_training),
    output:
        rows=f"{RESULTS}/runs/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}.csv",
        snapshots=directory(
            f"{RESULTS}/snapshots/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}"
        ),
    log:
        f"{RESULTS}/logs/runs/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}.tsv"
    wildcard_constraints:
        experiment=one_of(name for name in TRAINING if name not in EVALUATED),
    priority: 1
    threads: 1
    params:
        job=lambda w: train_job(STUDY, cell_of(w), block_of(w)).canonical(),
        code=lambda w: code_of("train.py", train_job(STUDY, cell_of(w), block_of(w))),
        checkpoint=f"{CHECKPOINTS}/runs/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}",
    script:
        "../scripts/train.py"


# The same job with an output more: only experiments that declare evaluations write them.
use rule train as train_evaluated with:
    output:
        rows=f"{RESULTS}/runs/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}.csv",
        evaluations=f"{RESULTS}/evaluations/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}.csv",
        snapshots=directory(
            f"{RESULTS}/snapshots/{{experiment}}/{{environment}}/{{variant}}/seeds-{{block}}"
        ),
    wildcard_constraints:
        experiment=one_of(EVALUATED),
