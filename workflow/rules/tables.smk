from pg.study.pooling import pooled_cells, pools

# Rows are read from the rule's input files, in the order of cells and blocks, never from all files in a folder.

POOLS = pools(STUDY)
FURTHER_TABLES = [
    (name, table)
    for name in LABORATORY
    for table in STUDY.experiments[name].more_tables
]


def part_of_tables(*experiments):
    return part_of(STUDY, experiments, coloured=False)


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
        study=lambda w: canonical(part_of_tables(w.experiment)),
        code=lambda w: code_of("train_tables.py", part_of_tables(w.experiment)),
    script:
        "../scripts/train_tables.py"


rule measurement_tables:
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
        study=lambda w: canonical(part_of_tables(w.experiment)),
        code=lambda w: code_of("measurement_tables.py", part_of_tables(w.experiment)),
    script:
        "../scripts/measurement_tables.py"


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
        study=lambda w: canonical(part_of_tables(*POOLS[w.pool])),
        code=lambda w: code_of("across_tables.py", part_of_tables(*POOLS[w.pool])),
    script:
        "../scripts/across_tables.py"


rule across:
    input:
        expand(f"{RESULTS}/tables/{{pool}}-across.csv", pool=POOLS),


rule further_table:
    input:
        lambda w: [
            measurements_of(w.experiment, *job, table=w.table)
            for job in measured_in(w.experiment)
        ],
    output:
        f"{RESULTS}/tables/{{experiment}}-{{table}}.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}-{{table}}.log",
    wildcard_constraints:
        experiment=one_of(LABORATORY),
        table=one_of({table for _, table in FURTHER_TABLES}),
    params:
        study=lambda w: canonical(part_of_tables(w.experiment)),
        code=lambda w: code_of("further_table.py", part_of_tables(w.experiment)),
    script:
        "../scripts/further_table.py"


rule tables:
    input:
        rules.across.input,
        expand(rules.train_tables.output, experiment=TRAINING),
        expand(rules.measurement_tables.output, experiment=LABORATORY),
        [f"{RESULTS}/tables/{name}-{table}.csv" for name, table in FURTHER_TABLES],
