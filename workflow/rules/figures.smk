from pg.experiments.figures.kind import TABLE_FILES
from pg.experiments.figures.registry import FIGURES
from pg.study.pooling import name_of, pool_of


def inputs_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    wanted = FIGURES[figure.kind].tables
    inputs = {
        name: f"{RESULTS}/tables/{figure.experiment}{suffix}.csv"
        for name, suffix in TABLE_FILES.items()
        if name in wanted
    }
    if "across" in wanted:
        inputs["across"] = f"{RESULTS}/tables/{name_of(pool_of(figure))}-across.csv"
    if "tuned" in wanted:
        inputs["choices"] = [
            tuned_of(cell) for cell in cells_of(figure.experiment) if is_tuned(cell)
        ]
    return inputs


def part_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    read = [*pool_of(figure)]
    if FIGURES[figure.kind].with_source:
        read.append(STUDY.experiments[figure.experiment].policies_from.experiment)
    part = part_of(STUDY, read)
    return part.model_copy(update={"figures": {wildcards.figure: figure}})


def code_of_figure(wildcards):
    drawing = FIGURES[STUDY.figures[wildcards.figure].kind].module
    part = part_of_figure(wildcards)
    return code_digest(SCRIPTS / "figure.py", drawing, *defining_files(part))


def section_of_figure(wildcards):
    return STUDY.figures[wildcards.figure].section


def figures_as(suffix):
    return [name for name, figure in STUDY.figures.items() if figure.format == suffix]


def files_of_figures():
    """Name the files for print and for screens of all figures."""
    return [
        f"{RESULTS}/figures/{name}.{suffix}"
        for name, figure in STUDY.figures.items()
        for suffix in (figure.format, "png")
    ]


rule figure:
    input:
        unpack(inputs_of_figure),
    output:
        print=f"{RESULTS}/figures/{{figure}}.pdf",
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
        figure=one_of(figures_as("pdf")),
    params:
        study=lambda w: canonical(part_of_figure(w)),
        section=section_of_figure,
        code=code_of_figure,
    script:
        "../scripts/figure.py"


use rule figure as figure_svg with:
    output:
        print=f"{RESULTS}/figures/{{figure}}.svg",
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category=section_of_figure,
            labels={"figure": "{figure}"},
        ),
        caption=f"{RESULTS}/figures/{{figure}}.txt",
    wildcard_constraints:
        figure=one_of(figures_as("svg")),


rule figures:
    input:
        files_of_figures(),
