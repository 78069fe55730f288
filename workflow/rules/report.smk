import os
import shlex
from hashlib import sha256
from pathlib import Path


def command():
    """Return the command that makes the same results, with the path of the study file from the working folder."""
    given = [os.path.relpath(path) for path in workflow.config_settings.configfiles]
    overridden = [
        f"{key}={value}" for key, value in workflow.config_settings.config.items()
    ]
    words = ["snakemake", "--cores", "all"]
    words += ["--configfile", *given] if given else []
    return shlex.join(words + (["--config", *overridden] if overridden else []))


def tuned_cells():
    return [cell for name in TRAINING for cell in cells_of(name) if is_tuned(cell)]


def log_of(made):
    """Return the log of a job's output: the same path, in folder `logs` of the results."""
    return str(
        Path(RESULTS, "logs", Path(made).relative_to(RESULTS)).with_suffix(".log")
    )


def codes_of_jobs():
    """Map the logs of all jobs that train or measure to the digests of their present code."""
    codes = {
        tuned_of(cell): code_of("tune.py", tune_job(STUDY, cell))
        for cell in tuned_cells()
    }
    for name in TRAINING:
        for cell, block in trained_in(name):
            job = train_job(STUDY, cell, block)
            codes[runs_of(cell, block)] = code_of("train.py", job)
    for name in LABORATORY:
        for place in measured_in(name):
            job = measurement_job(STUDY, name, *place)
            codes[measurements_of(name, *place)] = code_of("measure.py", job)
    return {log_of(file): code for file, code in codes.items()}


rule report_page:
    input:
        claims=f"{RESULTS}/claims.csv",
        figures=expand(f"{RESULTS}/figures/{{figure}}.png", figure=STUDY.figures),
        captions=expand(f"{RESULTS}/figures/{{figure}}.txt", figure=STUDY.figures),
        tuned=[tuned_of(cell) for cell in tuned_cells()],
        # Inputs that only set the order: the page lists the code that every job of the study ran.
        made=rules.tables.input,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    params:
        # A function, because in a string Snakemake would read braces in a label as wildcards.
        study=lambda w: canonical(STUDY),
        command=command(),
        config=lambda w: sha256(canonical(STUDY).encode()).hexdigest()[:16],
        # Functions here and below, because reading the whole package takes time, and most runs make no report.
        package=lambda w: code_digest(*Path(workflow.basedir, "pg").rglob("*.py")),
        codes=lambda w: codes_of_jobs(),
        benchmarks=f"{RESULTS}/benchmarks",
        code=lambda w: code_of("report.py", STUDY),
    script:
        "../scripts/report.py"


rule report:
    input:
        rules.report_page.output,
