include: "workflow/rules/study.smk"
include: "workflow/rules/processes.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/laboratory.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/benchmarks/benchmark.smk"


rule all:
    default_target: True
    input:
        rules.experiments.input,
        rules.tables.input,
        rules.claims.input,
        rules.figures.input,
        rules.report.input,
