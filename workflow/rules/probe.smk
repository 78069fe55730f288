from pg.study.jobs import probe_job, source_blocks, source_cell

PROBES = experiments_of(ProbeExperiment)


def probe_of(wildcards):
    return probe_job(
        STUDY,
        wildcards.experiment,
        wildcards.environment,
        wildcards.stage,
        block_of(wildcards),
    )


def snapshot_folders_of(wildcards):
    probe = STUDY.experiments[wildcards.experiment]
    cell = source_cell(STUDY, probe, wildcards.environment)
    return [
        snapshots_of(cell, block)
        for block in source_blocks(STUDY, probe, block_of(wildcards))
    ]


def probes_of(experiment, environment, stage, block):
    return f"{RESULTS}/probes/{experiment}/{environment}/{stage}/seeds-{block}.csv"


rule probe:
    input:
        snapshots=snapshot_folders_of,
    output:
        f"{RESULTS}/probes/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.csv",
    log:
        f"{RESULTS}/logs/probe/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe/{{experiment}}/{{environment}}/{{stage}}/seeds-{{block}}.tsv"
    wildcard_constraints:
        experiment=one_of(PROBES),
    threads: 1
    params:
        job=lambda w: probe_of(w).canonical(),
        code=lambda w: probe_of(w).digest(),
    script:
        "../scripts/probe.py"
