from pg.study.pooling import pooled_cells, pools

# Rows are read from the files that the rule names, in the order of cells and blocks: never from what lies in a folder.

POOLS = pools(STUDY)


def slice_of_tables(experiments):
    return canonical(part_of(STUDY, experiments, coloured=False))


rule train_tables:
    input:
        runs=lambda w: [runs_of(*job) for job in trained_in(w.experiment)],
        evaluations=lambda w: [
            evaluations_of(*job)
            for job in trained_in(w.experiment)
            if w.experiment in EVALUATED
        ],
    output:
        long=f"{RESULTS}/tables/{{experiment}}.csv",
        summary=f"{RESULTS}/tables/{{experiment}}-summary.csv",
        curves=f"{RESULTS}/tables/{{experiment}}-curves.csv",
        diverged=f"{RESULTS}/tables/{{experiment}}-diverged.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(TRAINING),
    params:
        study=lambda w: slice_of_tables([w.experiment]),
        code=lambda w: code_of("train_tables.py"),
    script:
        "../scripts/train_tables.py"


rule laboratory_tables:
    input:
        lambda w: [
            measurements_of(w.experiment, *job) for job in measured_in(w.experiment)
        ],
    output:
        long=f"{RESULTS}/tables/{{experiment}}.csv",
        summary=f"{RESULTS}/tables/{{experiment}}-summary.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(LABORATORY),
    params:
        study=lambda w: slice_of_tables([w.experiment]),
        code=lambda w: code_of("laboratory_tables.py"),
    script:
        "../scripts/laboratory_tables.py"


rule across_tables:
    input:
        lambda w: [
            runs_of(cell, block)
            for cell in pooled_cells(STUDY, POOLS[w.pool])
            for block in blocks_of(cell.experiment)
        ],
    output:
        f"{RESULTS}/tables/{{pool}}-across.csv",
    log:
        f"{RESULTS}/logs/tables/{{pool}}-across.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{pool}}-across.tsv"
    wildcard_constraints:
        pool=one_of(POOLS),
    params:
        study=lambda w: slice_of_tables(POOLS[w.pool]),
        code=lambda w: code_of("across_tables.py"),
    script:
        "../scripts/across_tables.py"


rule across:
    input:
        expand(f"{RESULTS}/tables/{{pool}}-across.csv", pool=POOLS),


rule poses_table:
    input:
        lambda w: [poses_of(w.experiment, *job) for job in measured_in(w.experiment)],
    output:
        f"{RESULTS}/tables/{{experiment}}-poses.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}-poses.log",
    wildcard_constraints:
        experiment=one_of(GAITS),
    params:
        study=lambda w: slice_of_tables([w.experiment]),
        code=lambda w: code_of("poses_table.py"),
    script:
        "../scripts/poses_table.py"


rule tables:
    input:
        rules.across.input,
        expand(rules.train_tables.output, experiment=TRAINING),
        expand(rules.laboratory_tables.output, experiment=LABORATORY),
        expand(rules.poses_table.output, experiment=GAITS),
