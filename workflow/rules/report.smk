import os
import shlex
from pathlib import Path

from pg.runs.results_folder import study_of


def command():
    """Return the command that makes the same results, with the path of the study file from the working folder."""
    settings = workflow.config_settings
    files = [os.path.relpath(path) for path in settings.configfiles]
    values = [f"{key}={value}" for key, value in settings.config.items()]
    words = ["snakemake", "--cores", "all"]
    words += ["--configfile", *files] if files else []
    words += ["--config", *values] if values else []
    return shlex.join(words)


def in_reference(pattern):
    """List the files of the reference that match a pattern, if it is one of this study."""
    reference = Path(os.path.relpath(HOME / "reference"))
    found = reference.glob(pattern) if study_of(reference) == STUDY.name else ()
    return sorted(map(str, found))


def codes_of_jobs():
    """Map the logs of all jobs that train or measure to the current digests of their code."""
    codes = {}
    for name in TRAINING:
        for cell in tuned_cells(name):
            codes[f"tuned/{cell.folder}"] = code_of("tune.py", tune_job(STUDY, cell))
        for cell, block in trained_in(name):
            code = code_of("train.py", train_job(STUDY, cell, block))
            codes[f"runs/{cell.folder}/seeds-{block}"] = code
    for name in LABORATORY:
        for place in measured_in(name):
            code = code_of("measure.py", measurement_job(STUDY, name, *place))
            codes[measurement_of(name, *place)] = code
    return {f"{RESULTS}/logs/{name}.log": code for name, code in codes.items()}


rule report_page:
    input:
        claims=f"{RESULTS}/claims.csv",
        figures=expand(f"{RESULTS}/figures/{{figure}}.png", figure=STUDY.figures),
        captions=expand(f"{RESULTS}/figures/{{figure}}.txt", figure=STUDY.figures),
        explorables=expand(f"{RESULTS}/figures/{{figure}}.json", figure=EXPLORED),
        tuned=[tuned_of(cell) for name in TRAINING for cell in tuned_cells(name)],
        replication=in_reference("replication.csv"),
        # Of studies that test the same claims in another way.
        others=in_reference("*/claims.csv"),
        others_named=[*in_reference("*/study.json"), *in_reference("*/processor.txt")],
        # The page does not read these tables, but it lists the code of all jobs, so all jobs must run before it.
        made=rules.tables.input,
    output:
        page=f"{RESULTS}/report.html",
        latex=f"{RESULTS}/claims.tex",
    log:
        f"{RESULTS}/logs/report.log",
    conda:
        "../envs/pg.yaml"
    params:
        # Functions, because Snakemake would read braces in a text of the study as wildcards.
        **parameters("report.py", lambda w: STUDY),
        codes=lambda w: codes_of_jobs(),
        command=command(),
        # Their names; a comment that moves a line does not rerun the page.
        files=[os.path.relpath(file.path) for file in STUDY_FILES],
        benchmarks=f"{RESULTS}/benchmarks",
    script:
        "../scripts/job.py"


rule report:
    input:
        rules.report_page.output,


rule slide:
    input:
        unpack(lambda w: tables_of_figure(STUDY.figures[STUDY.claims[w.claim].figure])),
        judged=f"{RESULTS}/claims.csv",
    output:
        f"{RESULTS}/slides/{{claim}}.pdf",
    log:
        f"{RESULTS}/logs/slides/{{claim}}.log",
    wildcard_constraints:
        claim=one_of(STUDY.claims),
    conda:
        "../envs/pg.yaml"
    params:
        **parameters("slide.py", lambda w: STUDY),
        claim="{claim}",
    script:
        "../scripts/job.py"


rule slides:
    input:
        expand(rules.slide.output, claim=STUDY.claims),
