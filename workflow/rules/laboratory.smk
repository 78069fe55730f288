# Measurements on frozen or random policies: a job per environment, stage and block of seeds.

from pg.study.slicing import measurement_job
from pg.study.sources import measured_policies, places_of

LABORATORY = [name for name in STUDY.experiments if name not in TRAINING]
MEASUREMENT = "{folder}/{experiment}/{environment}/{stage}/seeds-{block}"


def measured_in(experiment):
    """List the environment, stage and block of every job of an experiment."""
    return [
        (*place, block)
        for place in places_of(STUDY, experiment)
        for block in blocks_of(experiment)
    ]


def measurement_of(experiment, environment, stage, block):
    """Return the path of a job's files, below the results folder and without an ending."""
    folder = STUDY.experiments[experiment].folder
    return f"{folder}/{experiment}/{environment}/{stage}/seeds-{block}"


def measurements_of(experiment, ending):
    return [
        f"{RESULTS}/{measurement_of(experiment, *place)}{ending}"
        for place in measured_in(experiment)
    ]


def measurement_job_of(wildcards):
    place = wildcards.environment, wildcards.stage, block_of(wildcards)
    return measurement_job(STUDY, wildcards.experiment, *place)


def inputs_of_measurement(wildcards):
    job = wildcards.experiment, wildcards.environment, block_of(wildcards)
    return policies_of(measured_policies(STUDY, *job))


def further_tables_of(experiment):
    """Name the tables that a job writes besides its rows, such as the poses of a gait."""
    return tuple(STUDY.experiments[experiment].more_tables)


FURTHER_TABLES = [
    (name, table) for name in LABORATORY for table in further_tables_of(name)
]

# One rule per set of further tables.
for TABLES in dict.fromkeys(map(further_tables_of, LABORATORY)):
    WITH_TABLES = [name for name in LABORATORY if further_tables_of(name) == TABLES]

    rule:
        name:
            "_".join(["measure", *TABLES])
        input:
            unpack(inputs_of_measurement),
        output:
            **{table: f"{RESULTS}/{MEASUREMENT}-{table}.csv" for table in TABLES},
            rows=f"{RESULTS}/{MEASUREMENT}.csv",
        log:
            f"{RESULTS}/logs/{MEASUREMENT}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{MEASUREMENT}.tsv"
        wildcard_constraints:
            folder=one_of({STUDY.experiments[name].folder for name in WITH_TABLES}),
            experiment=one_of(WITH_TABLES),
        conda:
            "../envs/pg.yaml"
        params:
            **parameters("measure.py", measurement_job_of),
        script:
            "../scripts/job.py"


# Snakemake makes a missing file only if it is a target, or if what is made from it is missing as well.
rule experiments:
    input:
        [tuned_of(cell) for name in TRAINING for cell in tuned_cells(name)],
        [results_of(*job) for name in TRAINING for job in trained_in(name)],
        [measurements_of(name, ".csv") for name in LABORATORY],
        [measurements_of(name, f"-{table}.csv") for name, table in FURTHER_TABLES],
