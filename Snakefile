from pathlib import Path

from snakemake.exceptions import WorkflowError

from pg.studio import open_studio
from pg.study.validation import InvalidStudy, load, read_options


def understood(reading, given):
    try:
        return reading(given)
    except InvalidStudy as invalid:
        raise WorkflowError(str(invalid)) from None


# A study that is given on the command line stands alone: merged into the default one, it would inherit its experiments.
if not workflow.configfiles:
    understood(read_options, Path("config.yaml"))

    configfile: "config.yaml"


STUDY = understood(load, config)


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
        rules.claims.input,
        rules.across.input,
        rules.figures.input,
        rules.report.input,


onstart:
    announce()
    open_studio()
