import os
import shlex
from hashlib import sha256
from pathlib import Path

from pg.experiments.definitions import FILE as DEFINITIONS

TEMPLATE = Path(workflow.basedir, "workflow/report")
PAGE = (
    "report.page",
    "report.parts",
    "report.outlook",
    "report.tuning_checks",
    "experiments.figures",
    "plotting.request",
    "report.descriptions",
    "plotting.captions",
    "plotting.saving",
    "plotting.style",
    "plotting.compared",
    "parts.equations",
    "plotting.labels",
    "runs.provenance",
    "statistics.power",
    "statistics.coverage",
    "experiments.definitions",
    "experiments.metrics",
    "experiments.train.scores",
)


def command():
    """Write the command that makes the same results, with the study's file as seen from here."""
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
    """Logs lie below `logs` as what the jobs make lies below the results."""
    return str(
        Path(RESULTS, "logs", Path(made).relative_to(RESULTS)).with_suffix(".log")
    )


def codes_of_jobs():
    """Map the logs of all jobs that train or measure to the digests of their present code."""
    made = {tuned_of(cell): tune_job(STUDY, cell) for cell in tuned_cells()}
    for name in TRAINING:
        for cell, block in trained_in(name):
            made[runs_of(cell, block)] = train_job(STUDY, cell, block)
    for name in LABORATORY:
        for place in measured_in(name):
            made[measurements_of(name, *place)] = laboratory_job(STUDY, name, *place)
    return {log_of(file): job.digest() for file, job in made.items()}


rule report_page:
    input:
        claims=f"{RESULTS}/claims.csv",
        figures=expand(f"{RESULTS}/figures/{{figure}}.png", figure=STUDY.figures),
        captions=expand(f"{RESULTS}/figures/{{figure}}.txt", figure=STUDY.figures),
        tuned=[tuned_of(cell) for cell in tuned_cells()],
        # Not read, but made before: the page says of every job of the study what code it ran.
        made=rules.tables.input,
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    params:
        # By a function: in a string, Snakemake would take braces of a label for wildcards.
        study=lambda w: canonical(STUDY),
        command=command(),
        config=lambda w: sha256(canonical(STUDY).encode()).hexdigest()[:16],
        # By functions as well, as what follows: reading the whole package takes time, and most runs make no report.
        package=lambda w: code_digest(["."]),
        codes=lambda w: codes_of_jobs(),
        benchmarks=f"{RESULTS}/benchmarks",
        code=lambda w: code_digest(PAGE),
        # By content, so that a checkout that is moved is not taken for another one.
        template=[
            sha256(path.read_bytes()).hexdigest()
            for path in [*sorted(TEMPLATE.glob("page.*")), DEFINITIONS]
        ],
    script:
        "../scripts/report.py"


rule report:
    input:
        rules.report_page.output,
