# Read and validate the study, before any rule.

import sys
from pathlib import Path

from snakemake.logging import logger

from pg.study.files import read_file
from pg.study.problems.results import problem_of_results
from pg.core.errors import InvalidStudy
from pg.study.validation import load


def refuse(problem):
    # If this raised an exception, Snakemake would print lines of this file as well.
    logger.error(problem)
    sys.exit(1)


def read_or_refuse(read, *given):
    try:
        return read(*given)
    except InvalidStudy as invalid:
        refuse(str(invalid))


# Snakemake runs code that a config file contains as a template (yte); `read_file` refuses such files.
STUDY_FILES = [
    read_or_refuse(read_file, Path(given))
    for given in workflow.configfiles or ["config.yaml"]
]

# Without this condition Snakemake would merge a given file into the default study.
if not workflow.configfiles:

    configfile: "config.yaml"


STUDY = read_or_refuse(load, config, STUDY_FILES)
if problem := problem_of_results(STUDY):
    refuse(problem)
