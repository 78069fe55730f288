from pg.presentation.figures import FIGURES

DRAWING = (
    "presentation.figures.__init__",
    "presentation.style",
    "presentation.marks",
    "presentation.captions",
    "study.equations",
    "study.jobs",
    "evidence.statistics",
)
TABLE_FILES = {"long": "", "summary": "-summary", "curves": "-curves"}


def inputs_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    wanted = FIGURES[figure.kind].tables
    inputs = {
        name: f"{RESULTS}/tables/{figure.experiment}{suffix}.csv"
        for name, suffix in TABLE_FILES.items()
        if name in wanted
    }
    if "tuned" in wanted:
        inputs["choices"] = [
            tuned_of(cell) for cell in cells_of(figure.experiment) if is_tuned(cell)
        ]
    return inputs


def study_of_figure(wildcards):
    figure = STUDY.figures[wildcards.figure]
    part = part_of(STUDY, [figure.experiment])
    return canonical(part.model_copy(update={"figures": {wildcards.figure: figure}}))


def code_of_figure(wildcards):
    drawing = FIGURES[STUDY.figures[wildcards.figure].kind].module.removeprefix("pg.")
    return code_digest([drawing, *DRAWING])


def section_of_figure(wildcards):
    return STUDY.figures[wildcards.figure].section


rule figure:
    input:
        unpack(inputs_of_figure),
    output:
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
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
    params:
        study=study_of_figure,
        section=section_of_figure,
        code=code_of_figure,
    script:
        "../scripts/figure.py"


rule figures:
    input:
        expand(
            f"{RESULTS}/figures/{{figure}}.{{format}}",
            figure=STUDY.figures,
            format=["pdf", "png"],
        ),
