import os
import sys
from pathlib import Path

from snakemake.logging import logger

from pg.runs.ownership import problem_of_folder, take
from pg.study.validation import InvalidStudy, load, read_options
from pg.workshop import close_workshop, open_workshop


def refuse(problem):
    # Of an exception, Snakemake would print the lines of this file as well, which say nothing about the study.
    logger.error(problem)
    sys.exit(1)


def understood(reading, given):
    try:
        return reading(given)
    except InvalidStudy as invalid:
        refuse(str(invalid))


def refuse_what_a_shell_would_read():
    # Snakemake writes them into the command of a cluster's job as Python does, in quotes that a shell may see end.
    given = [
        *(workflow.config_settings.config_args or ()),
        *map(str, workflow.configfiles),
    ]
    for text in given:
        if repr(text) != f"'{text}'":
            refuse(
                f"{text!r}: no value of --config or --configfile may hold quotation marks ('), backslashes or "
                "line breaks where jobs run on a cluster; write the value into the study file"
            )


def refuse_a_missing_device():
    # Imports torch, which takes a second.
    from pg.core.devices import CannotRunHere, device_of

    try:
        device_of(STUDY.device)
    except CannotRunHere as missing:
        refuse(str(missing))


# Snakemake reads files as templates, which may hold code; what they should be is plain YAML that runs nothing.
for given in workflow.configfiles or ["config.yaml"]:
    understood(read_options, Path(given))

# A study that is given on the command line stands alone: merged into the default one, it would inherit its experiments.
if not workflow.configfiles:

    configfile: "config.yaml"


STUDY = understood(load, config)
if problem := problem_of_folder(STUDY):
    refuse(problem)

# Measurements make large tensors and drop them again. That glibc keeps their memory, instead of having the kernel clear
# it anew each time, saves a quarter of a probe's time; jobs inherit the settings, other systems do not read them.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))

if workflow.is_main_process and not workflow.output_settings.dryrun:
    # While Snakemake reads the rules, it loads what draws.
    WORKSHOP = open_workshop(Path(workflow.basedir, "workflow/scripts/figure.py"))


include: "workflow/rules/common.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/laboratory.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/benchmark.smk"


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.claims.input,
        rules.figures.input,
        rules.report.input,


onstart:
    # Not known before: where jobs run.
    if not workflow.local_exec:
        refuse_what_a_shell_would_read()
        # A job runs where it was submitted to.
        close_workshop(WORKSHOP)
    elif STUDY.device != "cpu":
        refuse_a_missing_device()
    take_over()
    take(STUDY)
    announce()
    if workflow.local_exec:
        # To limit how many jobs start per second, Snakemake looks for free cores again and again, the more often the more
        # jobs have ended: a sixth of a core in a study of 300. Nothing here needs the limit.
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    leave()
