# Read and validate the study, before any rule.

import gc
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Until the study is read (`common.smk`), the collector of garbage would visit all modules again and again.
gc.disable()

from pg.core.errors import InvalidStudy
from pg.core.home import HOME
from pg.study.files import read_file
from pg.study.problems.results import problem_of_results
from pg.study.validation import load

# Whether another workflow uses this one as a module, and whether it or the command line gives options.
IS_MODULE = not workflow.modifier.is_main_snakefile()
HAS_CONFIG = workflow.modifier.skip_configfile if IS_MODULE else workflow.configfiles


class Refused(WorkflowError):
    # Otherwise Snakemake would print the lines of this file that the traceback names.
    __traceback__ = None


def read_or_refuse(read, *given):
    try:
        return read(*given)
    except InvalidStudy as invalid:
        raise Refused(str(invalid)) from None


def files_of_config():
    """Read the files with the options in `config`."""
    for given in map(Path, workflow.configfiles):
        try:
            file = read_file(given)
        except InvalidStudy as invalid:
            if IS_MODULE:
                continue
            raise Refused(str(invalid)) from None
        # A workflow that uses this one as a module may have other files.
        if file.options.keys() <= config.keys():
            yield file


# Without this condition, Snakemake would merge a given file into the default study.
if not HAS_CONFIG:
    DEFAULT = Path("config.yaml")
    DEFAULT = DEFAULT if DEFAULT.exists() else HOME / DEFAULT
    # Snakemake runs code that a config file contains as a template (yte); `read_file` refuses such files.
    read_or_refuse(read_file, DEFAULT)

    configfile: str(DEFAULT)


STUDY_FILES = [*files_of_config()]
STUDY = read_or_refuse(load, config, STUDY_FILES)
if problem := problem_of_results(STUDY):
    raise Refused(problem)
