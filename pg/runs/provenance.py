"""Where results come from: versions, digests, seconds. The only part of a report that differs between equal runs."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from pg.runs.logs import logged_code

_PACKAGES = ("pg", "snakemake", "torch", "gymnasium", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def provenance(
    command: str, config_digest: str, code_digest: str, benchmarks: Path, codes: Mapping[str, str]
) -> Mapping[str, str]:
    """Describe a run, for the report.

    Parameters
    ----------
    command
        What to call to make the same results.
    config_digest, code_digest
        Digests of the resolved study and of the code of `pg`.
    benchmarks
        Folder of Snakemake's benchmark files of the jobs, as far as there are any, a folder for each stage.
    codes
        Digests of the present code of the jobs, by the logs that say what code they ran.
    """
    stages = seconds_by_stage(benchmarks)
    seconds = [second for stage in stages.values() for second in stage]
    return {
        "Written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time in jobs": f"{sum(seconds) / 60:.1f} minutes of one core, in {len(seconds)} jobs",
        **{f"… {name}": f"{sum(stage) / 60:.1f} minutes, in {len(stage)} jobs" for name, stage in stages.items()},
        "Command": command,
        "Configuration": config_digest,
        "Code": code_digest,
        "Code of the jobs": _agreement(codes),
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def seconds_by_stage(benchmarks: Path) -> Mapping[str, list[float]]:
    """Return how long each job of each stage has lasted, the stage that took longest first.

    Parameters
    ----------
    benchmarks
        Folder of Snakemake's benchmark files; files below one of its folders belong to the stage of that name.
    """
    stages: dict[str, list[float]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        stage = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        stages.setdefault(stage, []).append(float(pd.read_csv(path, sep="\t")["s"].sum()))
    return dict(sorted(stages.items(), key=lambda stage: sum(stage[1]), reverse=True))


def _agreement(codes: Mapping[str, str]) -> str:
    """Say whether every job ran the code that is there now, and name those that did not."""
    found = {log: logged_code(log) for log in codes}
    other = [log for log, code in found.items() if code is not None and code != codes[log]]
    silent = sum(code is None for code in found.values())
    said = f"{len(codes) - len(other) - silent} of {len(codes)} jobs ran the present code"
    if silent:
        said += f", {silent} left no log"
    return said if not other else f"mixed: {said}; other code made {', '.join(other)}"
