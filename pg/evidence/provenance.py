"""Where results come from: versions, digests, seconds. The only part of a report that differs between equal runs."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

_PACKAGES = ("pg", "snakemake", "torch", "gymnasium", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


def provenance(config_digest: str, code_digest: str, benchmarks: Iterable[str | Path]) -> Mapping[str, str]:
    """Describe a run, for the report.

    Parameters
    ----------
    config_digest, code_digest
        Digests of the resolved study and of the code of `pg`.
    benchmarks
        Snakemake's benchmark files of the jobs, as far as there are any.
    """
    seconds = [float(pd.read_csv(path, sep="\t")["s"].sum()) for path in benchmarks if Path(path).exists()]
    return {
        "Written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Time in jobs": f"{sum(seconds) / 60:.1f} minutes of one core, in {len(seconds)} jobs",
        "Command": "snakemake --cores all",
        "Configuration": config_digest,
        "Code": code_digest,
        "Python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
