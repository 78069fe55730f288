from importlib.util import find_spec

from pg.experiments.figures.lookup import kind_of, tables_of


def kind_of_figure(figure):
    return kind_of(figure, STUDY.experiments[figure.experiment])


def inputs_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    kind = kind_of_figure(figure)
    inputs = {
        name: f"{RESULTS}/{path}" for name, path in tables_of(figure, kind).items()
    }
    if "tuned" in kind.tables:
        inputs["choices"] = [
            tuned_of(cell) for cell in cells_of(figure.experiment) if is_tuned(cell)
        ]
    return inputs


def part_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    read = [*figure.pool]
    if kind_of_figure(figure).with_source:
        read.append(STUDY.experiments[figure.experiment].policies_from.experiment)
    part = part_of(STUDY, read)
    return part.model_copy(update={"figures": {wildcards.figure: figure}})


def code_of_figure(wildcards):
    # The module is found and not imported, because matplotlib takes a second to import.
    drawing = find_spec(kind_of_figure(STUDY.figures[wildcards.figure]).module).origin
    files = defining_files(part_of_figure(wildcards))
    return code_digest(SCRIPTS / "figure.py", Path(drawing), *files)


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
