from pg.study.jobs import exact_job

EXACT = experiments_of(ExactExperiment)


def exact_of(wildcards):
    return exact_job(
        STUDY, wildcards.experiment, wildcards.environment, block_of(wildcards)
    )


rule exact:
    output:
        f"{RESULTS}/exact/{{experiment}}/{{environment}}/seeds-{{block}}.csv",
    log:
        f"{RESULTS}/logs/exact/{{experiment}}/{{environment}}/seeds-{{block}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/exact/{{experiment}}/{{environment}}/seeds-{{block}}.tsv"
    wildcard_constraints:
        experiment=one_of(EXACT),
    threads: 1
    params:
        job=lambda w: exact_of(w).canonical(),
        code=lambda w: exact_of(w).digest(),
    script:
        "../scripts/exact.py"
