def inputs_of_figure(wildcards):
    return tables_of_figure(STUDY.figures[wildcards.figure])


def part_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    read = [*figure.experiments]
    if kind_of_figure(figure).with_source:
        read.append(STUDY.experiments[figure.experiment].policies_from.experiment)
    part = part_of(STUDY, read)
    return part.model_copy(update={"figures": {wildcards.figure: figure}})


def section_of_figure(wildcards):
    return STUDY.figures[wildcards.figure].section or "Figures"


def files_of_figures():
    """Name the files for print and for screens of all figures, and their captions."""
    return [
        f"{RESULTS}/figures/{name}.{suffix}"
        for name, figure in STUDY.figures.items()
        for suffix in (figure.format, "png", "txt")
    ]


for NAME, FORMAT in (("figure", "pdf"), ("figure_svg", "svg")):
    DRAWN = [name for name, figure in STUDY.figures.items() if figure.format == FORMAT]

    rule:
        name:
            NAME
        input:
            unpack(inputs_of_figure),
        output:
            print=f"{RESULTS}/figures/{{figure}}.{FORMAT}",
            png=report(
                f"{RESULTS}/figures/{{figure}}.png",
                caption="../report/figure.rst",
                category=section_of_figure,
                labels={"figure": "{figure}"},
            ),
            caption=f"{RESULTS}/figures/{{figure}}.txt",
        log:
            f"{RESULTS}/logs/figures/{{figure}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures/{{figure}}.tsv"
        wildcard_constraints:
            figure=one_of(DRAWN),
        conda:
            "../envs/pg.yaml"
        params:
            **parameters("figure.py", part_of_figure),
            section=section_of_figure,
        script:
            "../scripts/job.py"


EXPLORED = [
    name for name, figure in STUDY.figures.items() if kind_of_figure(figure).play
]


rule explorable:
    input:
        unpack(lambda w: tables_of_explorable(STUDY.figures[w.figure])),
    output:
        f"{RESULTS}/figures/{{figure}}.json",
    log:
        f"{RESULTS}/logs/explorables/{{figure}}.log",
    wildcard_constraints:
        figure=one_of(EXPLORED),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("explorable.py", part_of_figure),
    script:
        "../scripts/job.py"


rule figures:
    input:
        files_of_figures(),
        expand(rules.explorable.output, figure=EXPLORED),
