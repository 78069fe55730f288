from pg.experiments.figures.lookup import kind_of, tables_of
from pg.study.pooling import pools
from pg.study.sources import selections_of

# Rows are read from the rule's input files, in the order of cells and blocks, never from all files in a folder.

POOLS = pools(STUDY)


def part_of_experiment(wildcards):
    return numbers_of(STUDY, [wildcards.experiment])


def part_of_pool(wildcards):
    return numbers_of(STUDY, POOLS[wildcards.pool])


def kind_of_figure(figure):
    return kind_of(figure, STUDY.experiments[figure.experiment])


def tables_of_figure(figure):
    return in_results(tables_of(figure, kind_of_figure(figure)))


def tables_of_explorable(figure):
    return in_results(tables_of(figure, kind_of_figure(figure).play))


def in_results(paths):
    return {name: f"{RESULTS}/{path}" for name, path in paths.items()}


rule train_tables:
    input:
        runs=lambda w: [runs_of(*job) for job in trained_in(w.experiment)],
        evaluations=lambda w: [evaluations_of(*job) for job in trained_in(w.experiment)],
    output:
        long=f"{RESULTS}/tables/{{experiment}}.csv",
        summary=f"{RESULTS}/tables/{{experiment}}-summary.csv",
        curves=f"{RESULTS}/tables/{{experiment}}-curves.csv",
        means=f"{RESULTS}/tables/{{experiment}}-means.csv",
        diverged=f"{RESULTS}/tables/{{experiment}}-diverged.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(TRAINING),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("train_tables.py", part_of_experiment),
    script:
        "../scripts/job.py"


rule measurement_tables:
    input:
        lambda w: measurements_of(w.experiment, ".csv"),
    output:
        long=f"{RESULTS}/tables/{{experiment}}.csv",
        summary=f"{RESULTS}/tables/{{experiment}}-summary.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{experiment}}.tsv"
    wildcard_constraints:
        experiment=one_of(LABORATORY),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("measurement_tables.py", part_of_experiment),
        selections=lambda w: selections_of(STUDY, w.experiment),
    script:
        "../scripts/job.py"


rule across_tables:
    input:
        lambda w: [f"{RESULTS}/tables/{name}.csv" for name in POOLS[w.pool]],
    output:
        f"{RESULTS}/tables/{{pool}}-across.csv",
    log:
        f"{RESULTS}/logs/tables/{{pool}}-across.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{pool}}-across.tsv"
    wildcard_constraints:
        pool=one_of(POOLS),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("across_tables.py", part_of_pool),
    script:
        "../scripts/job.py"


rule tuned_table:
    input:
        lambda w: [tuned_of(cell) for cell in tuned_cells(w.experiment)],
    output:
        f"{RESULTS}/tables/{{experiment}}-tuned.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}-tuned.log",
    wildcard_constraints:
        experiment=one_of(TRAINING),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("tuned_table.py", part_of_experiment),
    script:
        "../scripts/job.py"


rule comparison_table:
    input:
        f"{RESULTS}/tables/{{experiment}}.csv",
    output:
        f"{RESULTS}/tables/{{experiment}}-{{table}}.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}-{{table}}.log",
    wildcard_constraints:
        experiment=one_of(LABORATORY),
        table=one_of(
            {table for name in LABORATORY for table in STUDY.experiments[name].tables}
        ),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("comparison_table.py", part_of_experiment),
    script:
        "../scripts/job.py"


rule further_table:
    input:
        lambda w: measurements_of(w.experiment, f"-{w.table}.csv"),
    output:
        f"{RESULTS}/tables/{{experiment}}-{{table}}.csv",
    log:
        f"{RESULTS}/logs/tables/{{experiment}}-{{table}}.log",
    wildcard_constraints:
        experiment=one_of(LABORATORY),
        table=one_of({table for _, table in FURTHER_TABLES}),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("further_table.py", part_of_experiment),
    script:
        "../scripts/job.py"


rule tables:
    input:
        expand(rules.across_tables.output, pool=POOLS),
        expand(rules.train_tables.output, experiment=TRAINING),
        expand(rules.measurement_tables.output, experiment=LABORATORY),
        [f"{RESULTS}/tables/{name}-{table}.csv" for name, table in FURTHER_TABLES],
        # Some tables are made only where a figure reads them.
        [tables_of_figure(figure).values() for figure in STUDY.figures.values()],
