# The fork server, and the lock on the results folder.

import atexit
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.logging import logger

from pg import fork_server
from pg.runs.logs import user_message
from pg.runs.results_folder import FolderInUse, lock, mark
from pg.study.cost import estimate
from pg.study.reasons import changes, code_changes, few, recorded
from pg.study.warnings import warnings

# Measurements allocate large tensors and free them. Keeping the memory in the process, instead of returning it to the
# system, saves a quarter of a probe's time. Jobs inherit these settings of glibc; other systems ignore them.
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**31))

SERVER = None
# Jobs with environments of their own (--software-deployment-method) cannot be forks.
if (
    workflow.is_main_process
    and not workflow.output_settings.dryrun
    and not workflow.deployment_settings.deployment_method
):
    # The server imports matplotlib while Snakemake reads the rules.
    SERVER = fork_server.start(HOME / "workflow/scripts/figure.py")


def refuse_unquotable_values():
    # Snakemake quotes these values like Python in the commands of cluster jobs; a shell may read them differently.
    values = [
        *(workflow.config_settings.config_args or ()),
        *map(str, workflow.configfiles),
    ]
    for value in values:
        if repr(value) != f"'{value}'":
            raise Refused(
                f"{value!r}: values of --config and --configfile must not contain quotation marks ('), backslashes "
                "or line breaks where jobs run on a cluster; write the value into the study file"
            )


def refuse_missing_device():
    # Imports torch, which takes a second.
    from pg.core.devices import CannotRunHere, device_of

    try:
        device_of(STUDY.device)
    except CannotRunHere as missing:
        raise Refused(str(missing)) from None


def lock_results():
    """Lock the folder until this process ends; Snakemake's own lock, which the default profile turns off, outlives it."""
    global LOCK
    try:
        LOCK = lock(Path(STUDY.results))
    except (FolderInUse, OSError) as error:
        raise Refused(user_message(error) or str(error)) from None


def announce():
    logger.info(
        f"{STUDY.name}: the whole study, finished jobs included, takes {estimate(STUDY)}, "
        "if all measured trajectories last to the horizon."
    )
    for warning in warnings(STUDY, config, STUDY_FILES):
        logger.warning(warning)


def what_changed(job, change):
    """Say which parameters of a job changed."""
    before, now = recorded(change.only_old), recorded(change.only_new)
    of = CODES.get(job.params.get("code"))
    made = os.path.getmtime(job.output[0])
    return changes(before, now, code_changes(before, *of, made) if of else ())


def reason_of(job):
    """Say what changed since a job ran; empty if it only follows from others, None if its files are missing."""
    reason = workflow.dag.reason(job)
    if not os.path.exists(job.output[0]):
        return None
    if change := reason.params_changed:
        return what_changed(job, change)
    if reason.input_changed:
        return "other inputs"
    if reason.forced:
        return "forced"
    if reason.incomplete_output:
        return "incomplete outputs"
    if updated := reason.updated_input - reason.updated_input_run:
        return f"updated inputs: {few(sorted(updated))}"
    return None if reason.missing_output else ""


@cache
def reasons_of_jobs():
    """Map the first outputs of the jobs that run to their reasons."""
    jobs = workflow.dag.needrun_jobs(exclude_finished=False) if workflow.dag else ()
    return {job.output[0]: reason_of(job) for job in jobs if job.output}


def with_our_reason(message):
    """Replace the reason in Snakemake's message about a job, which has digests and whole records."""
    if hasattr(message, "reason") and message.output:
        message.reason = reasons_of_jobs().get(message.output[0]) or message.reason
    return True


def print_reasons():
    """Print a line per job that runs again, with what changed."""
    reasons = reasons_of_jobs()
    for file, reason in sorted(reasons.items()):
        if reason:
            print(f"{file}: {reason}")
    if any(reasons.values()):
        missing, following = (list(reasons.values()).count(one) for one in (None, ""))
        listed = len(reasons) - missing - following
        print(
            f"jobs listed: {listed}; jobs without results: {missing}; jobs that follow: {following}"
        )


if workflow.output_settings.dryrun:
    announce()
    logger.addFilter(with_our_reason)
    # Snakemake has no hook for dry runs, and knows its jobs only after this file.
    atexit.register(print_reasons)
elif any(word.startswith("--del") for word in sys.argv):
    # --delete-all-output runs no job, so `onstart` does not run.
    lock_results()


onstart:
    # Snakemake knows only now whether jobs run on a cluster.
    if not workflow.local_exec:
        refuse_unquotable_values()
        # The server runs jobs on this machine only.
        fork_server.stop(SERVER)
    elif STUDY.device != "cpu":
        refuse_missing_device()
    lock_results()
    mark(Path(STUDY.results), STUDY.name)
    announce()
    if workflow.local_exec:
        # Snakemake starts at most 100 jobs per second. To count them it reschedules a second after each scheduling,
        # which costs a sixth of a core in a study of 300 jobs. --max-jobs-per-timespan changes the limit; no option
        # turns it off.
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    if f"{RESULTS}/report.html" in reasons_of_jobs():
        logger.info(f"{STUDY.name}: the report is {RESULTS}/report.html")
    # Remove the folders of checkpoints that no job needs any more.
    for folder, _, _ in os.walk(f"{STUDY.results}/checkpoints", topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)
